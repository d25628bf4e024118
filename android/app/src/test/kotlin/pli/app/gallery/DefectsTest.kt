package pli.app.gallery

import androidx.compose.foundation.background
import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.height
import androidx.compose.foundation.layout.offset
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.requiredHeight
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.layout.width
import androidx.compose.material3.AlertDialog
import androidx.compose.material3.Button
import androidx.compose.material3.Checkbox
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.FloatingActionButton
import androidx.compose.material3.IconButton
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.material3.TopAppBar
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.draw.clipToBounds
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.layout.Layout
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.SpanStyle
import androidx.compose.ui.text.buildAnnotatedString
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.text.withStyle
import androidx.compose.ui.unit.dp
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

/** The check finds what is wrong: each of these has one defect, and each that is sound has none. */
@OptIn(ExperimentalMaterial3Api::class)
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class DefectsTest {
    private fun found(setting: Setting = Setting.plain, content: @Composable () -> Unit): List<String> =
        Studio(setting).use { studio -> look(studio.take { MaterialTheme { Surface(Modifier.fillMaxSize()) { Box { content() } } } }) }

    private fun finds(expected: String, setting: Setting = Setting.plain, content: @Composable () -> Unit) {
        val all = found(setting, content)
        assertTrue("not found: $expected, but $all", all.any { expected in it })
        assertEquals("$all", 1, all.size)
    }

    private fun sound(setting: Setting = Setting.plain, content: @Composable () -> Unit) =
        assertEquals(setting.name, emptyList<String>(), found(setting, content))

    @Test fun faint_text() = finds("“Faint” in “Faint” has a contrast of") { Text("Faint", color = Color(0xFFA0A0A0)) }

    @Test fun a_faint_word_in_a_text() = finds("“last” in “The last” has a contrast of") {
        Text(buildAnnotatedString { append("The "); withStyle(SpanStyle(Color(0xFFB0B0B0))) { append("last") } })
    }

    @Test fun text_of_the_colour_of_its_ground() = finds("has a contrast of 1.0") {
        Text("Hidden", Modifier.background(Color.White), color = Color.White)
    }

    @Test fun a_faint_icon() = finds("the picture “Send” has a contrast of") {
        IconButton({}) { Box(Modifier.semantics { contentDescription = "Send" }) { Dot(Color(0xFFC0C0C0)) } }
    }

    @Test fun small_targets_side_by_side() {
        val all = found { Row(Modifier.padding(40.dp)) { Tap("One", 24); Tap("Two", 24) } }
        assertTrue("$all", all.size == 2 && all.all { "24 × 24 dp, and too near to" in it })
    }

    @Test fun a_small_target_at_the_edge_of_the_screen() = finds("“One” can be touched on 36 × 36 dp, not 48") { Tap("One", 24) }

    @Test fun a_target_without_a_label() = finds("has no label") { IconButton({}) { Dot(Color.Black) } }

    @Test fun a_field_without_a_label() = finds("has no label") { OutlinedTextField("", {}) }

    @Test fun text_that_is_cut() = finds("is cut", Setting.hard) {
        Text("Seulement les administrateurs", Modifier.height(24.dp).width(300.dp))
    }

    @Test fun text_that_its_frame_cuts() = finds("is cut by what it is in") {
        Box(Modifier.height(12.dp).clipToBounds()) { Text("A line", Modifier.requiredHeight(24.dp)) }
    }

    @Test fun text_that_is_shortened() = finds("is shortened", Setting.hard) {
        Text("Seulement les administrateurs écrivent ici", maxLines = 1, overflow = TextOverflow.Ellipsis)
    }

    @Test fun texts_over_one_another() = finds("stand over one another") {
        Box { Text("Under this"); Text("Over it", Modifier.offset(x = 8.dp, y = 6.dp)) }
    }

    @Test fun a_wrong_reading_order() = finds("is read after") {
        UpsideDown { Text("Second"); Text("First") }
    }

    @Test fun a_defect_in_a_dialogue() = finds("“Faint” in “Faint” has a contrast of") {
        AlertDialog({}, { TextButton({}) { Text("OK") } }, title = { Text("Title") }, text = { Text("Faint", color = Color(0xFFC0B8C8)) })
    }

    @Test fun what_is_sound_has_no_defect() {
        for (setting in Setting.all) {
            sound(setting) {
                Scaffold(
                    topBar = { TopAppBar({ Text("Title") }, navigationIcon = { IconButton({}) { Icon("Back") } }) },
                    floatingActionButton = { FloatingActionButton({}) { Text("New") } },
                ) { inner ->
                    Column(Modifier.padding(inner)) {
                        Text("A sentence that needs more than one line on a phone, in whatever size people read it.")
                        Text("One line only, whole elsewhere, however long it may be here", Modifier.mayShorten(), maxLines = 1, overflow = TextOverflow.Ellipsis)
                        OutlinedTextField("", {}, label = { Text("Name") })
                        Button({}) { Text("Send") }
                        Button({}, enabled = false) { Text("Not now") }
                        Row(Modifier.padding(12.dp), verticalAlignment = Alignment.CenterVertically) {
                            Checkbox(true, {}, Modifier.semantics { contentDescription = "Chosen" })
                            Box(Modifier.padding(12.dp)) { Tap("Alone", 30) }
                        }
                    }
                }
            }
        }
    }

    @Composable private fun Tap(label: String, size: Int) =
        Box(Modifier.size(size.dp).clickable {}.semantics { contentDescription = label }) { Dot(Color.Black) }

    @Composable private fun Icon(label: String) = Box(Modifier.semantics { contentDescription = label }) { Dot(Color(0xFF807080)) }

    @Composable private fun Dot(colour: Color) = Box(Modifier.padding(6.dp).size(12.dp).background(colour))

    /** Lays the second above the first. */
    @Composable private fun UpsideDown(content: @Composable () -> Unit) = Layout(content) { measurables, limits ->
        val placed = measurables.map { it.measure(limits.copy(minWidth = 0, minHeight = 0)) }
        layout(placed.maxOf { it.width }, placed.sumOf { it.height }) {
            placed[0].place(0, placed[1].height)
            placed[1].place(0, 0)
        }
    }
}
