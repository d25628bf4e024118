package pli.app.ui

import android.view.inputmethod.EditorInfo
import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.foundation.shape.RoundedCornerShape
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Shapes
import androidx.compose.material3.Typography
import androidx.compose.runtime.Composable
import androidx.compose.runtime.remember
import androidx.compose.ui.ExperimentalComposeUiApi
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.platform.InterceptPlatformTextInput
import androidx.compose.ui.platform.PlatformTextInputMethodRequest
import androidx.compose.ui.res.colorResource
import androidx.compose.ui.text.TextStyle
import androidx.compose.ui.text.style.LineBreak
import androidx.compose.ui.text.style.TextDirection
import androidx.compose.ui.unit.dp
import androidx.compose.ui.unit.sp
import pli.app.R

/** Distances: a grid of four. */
object Gap {
    val tiny = 2.dp
    val small = 4.dp
    val medium = 8.dp
    val large = 12.dp
    val edge = 16.dp
    val wide = 24.dp

    /** The least that a thumb hits. */
    val target = 48.dp
}

/** What everything is shown in: the organisation's accent, and a keyboard that learns nothing of what is typed. */
@Composable
fun AppTheme(dark: Boolean = isSystemInDarkTheme(), content: @Composable () -> Unit) {
    val accent = colorResource(R.color.accent)
    val colours = remember(accent, dark) { if (dark) dark(accent) else light(accent) }
    MaterialTheme(colours, shapes = shapes, typography = typography) {
        Unlearning(content)
    }
}

private val shapes = Shapes(
    extraSmall = RoundedCornerShape(8.dp),
    small = RoundedCornerShape(12.dp),
    medium = RoundedCornerShape(16.dp),
    large = RoundedCornerShape(18.dp),
)

/** The platform's scale; a text's direction is that of its first strong letter, whatever the screen's. */
private val typography = Typography().run {
    fun TextStyle.ours() = copy(textDirection = TextDirection.Content, lineBreak = LineBreak.Paragraph)
    copy(
        titleLarge = titleLarge.copy(fontSize = 20.sp).ours(), titleMedium = titleMedium.ours(), titleSmall = titleSmall.ours(),
        headlineSmall = headlineSmall.ours(), headlineMedium = headlineMedium.ours(),
        bodyLarge = bodyLarge.copy(letterSpacing = 0.sp).ours(), bodyMedium = bodyMedium.copy(letterSpacing = 0.sp).ours(),
        bodySmall = bodySmall.copy(letterSpacing = 0.sp).ours(),
        labelLarge = labelLarge.ours(), labelMedium = labelMedium.ours(),
        // Nothing is smaller than 12.
        labelSmall = labelSmall.copy(fontSize = 12.sp).ours(),
    )
}

/** The background of a person's initials. */
@Composable
fun personColour(index: Int): Color {
    val colours = androidx.compose.ui.res.stringArrayResource(R.array.people)
    return Color(android.graphics.Color.parseColor(colours[index.mod(colours.size)]))
}

/** Tells the keyboard to remember nothing of what is typed in any field within. */
@OptIn(ExperimentalComposeUiApi::class)
@Composable
fun Unlearning(content: @Composable () -> Unit) {
    InterceptPlatformTextInput(
        interceptor = { request, next ->
            next.startInputMethod(
                PlatformTextInputMethodRequest { attributes ->
                    request.createInputConnection(attributes).also {
                        attributes.imeOptions = attributes.imeOptions or EditorInfo.IME_FLAG_NO_PERSONALIZED_LEARNING
                    }
                },
            )
        },
        content = content,
    )
}
