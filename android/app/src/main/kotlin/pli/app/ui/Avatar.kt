package pli.app.ui

import androidx.compose.foundation.background
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.shape.CircleShape
import androidx.compose.foundation.shape.RoundedCornerShape
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.Immutable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.draw.clip
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.platform.LocalDensity
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.text.TextStyle
import androidx.compose.ui.text.font.FontWeight
import androidx.compose.ui.unit.Dp
import androidx.compose.ui.unit.dp

/** What stands for a person or a group: initials on a colour, both from the core. */
@Immutable
data class Face(val initials: String, val colour: Int, val group: Boolean = false)

/** Decoration: the name always stands beside it, and is what a screen reader says. */
@Composable
fun Avatar(face: Face, size: Dp = 48.dp, modifier: Modifier = Modifier) {
    // In the circle whatever the person's text size: the name beside it grows.
    val letters = with(LocalDensity.current) { (size * 0.4f).toSp() }
    Box(
        modifier
            .size(size)
            .clip(if (face.group) RoundedCornerShape(size * 0.3f) else CircleShape)
            .background(personColour(face.colour))
            .clearAndSetSemantics {},
        Alignment.Center,
    ) {
        Text(face.initials, color = Color.White, style = TextStyle(fontSize = letters, fontWeight = FontWeight.Medium), maxLines = 1)
    }
}
