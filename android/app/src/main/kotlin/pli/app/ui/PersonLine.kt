package pli.app.ui

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.unit.dp
import pli.app.R

/** A person in a list: name, department, and what is said of them at the end. */
@Composable
fun PersonLine(
    name: String,
    about: String?,
    face: Face,
    modifier: Modifier = Modifier,
    guest: Boolean = false,
    end: @Composable () -> Unit = {},
) = Row(
    modifier.fillMaxWidth().heightIn(min = 64.dp).padding(horizontal = Gap.edge, vertical = Gap.medium),
    Arrangement.spacedBy(Gap.edge),
    Alignment.CenterVertically,
) {
    Avatar(face, 40.dp)
    Column(Modifier.weight(1f)) {
        Row(horizontalArrangement = Arrangement.spacedBy(Gap.medium), verticalAlignment = Alignment.CenterVertically) {
            Text(name, Modifier.weight(1f, fill = false), style = MaterialTheme.typography.bodyLarge)
            if (guest) Mark(stringResource(R.string.app_guest))
        }
        if (about != null) {
            Text(about, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
        }
    }
    end()
}

/** A word about somebody or something, set apart. */
@Composable
fun Mark(text: String, modifier: Modifier = Modifier) = Surface(
    modifier,
    MaterialTheme.shapes.extraSmall,
    color = MaterialTheme.colorScheme.surfaceContainerHighest,
    contentColor = MaterialTheme.colorScheme.onSurface,
) {
    Text(text, Modifier.padding(horizontal = Gap.medium, vertical = Gap.tiny), style = MaterialTheme.typography.labelMedium)
}
