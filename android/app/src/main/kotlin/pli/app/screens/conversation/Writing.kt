package pli.app.screens.conversation

import androidx.compose.animation.AnimatedVisibility
import androidx.compose.animation.fadeIn
import androidx.compose.animation.fadeOut
import androidx.compose.animation.scaleIn
import androidx.compose.animation.scaleOut
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.shape.RoundedCornerShape
import androidx.compose.foundation.text.KeyboardOptions
import androidx.compose.material3.FilledIconButton
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextField
import androidx.compose.material3.TextFieldDefaults
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.focus.FocusRequester
import androidx.compose.ui.focus.focusRequester
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.input.key.Key
import androidx.compose.ui.input.key.KeyEventType
import androidx.compose.ui.input.key.isCtrlPressed
import androidx.compose.ui.input.key.key
import androidx.compose.ui.input.key.onPreviewKeyEvent
import androidx.compose.ui.input.key.type
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.TextRange
import androidx.compose.ui.text.input.KeyboardCapitalization
import androidx.compose.ui.text.input.TextFieldValue
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.unit.dp
import pli.app.R
import pli.app.gallery.mayShorten
import pli.app.ui.Drawing
import pli.app.ui.DrawingButton
import pli.app.ui.Gap
import pli.app.ui.text

/** Where one writes: up to six lines, with what is answered or edited above. */
@Composable
fun Writing(composer: Composer, events: ConversationEvents, modifier: Modifier = Modifier) = Column(modifier.fillMaxWidth()) {
    Above(composer.mode, events.cancel)
    Row(
        Modifier.padding(horizontal = Gap.medium, vertical = Gap.medium),
        Arrangement.spacedBy(Gap.medium),
        Alignment.Bottom,
    ) {
        Field(composer, events, Modifier.weight(1f))
        AnimatedVisibility(composer.sendable, enter = fadeIn() + scaleIn(), exit = fadeOut() + scaleOut()) {
            val edits = composer.mode is Mode.Edit
            FilledIconButton(events.send, Modifier.padding(vertical = Gap.small).size(Gap.target)) {
                Drawing(if (edits) R.drawable.check else R.drawable.send, stringResource(if (edits) R.string.conversation_save else R.string.conversation_send))
            }
        }
    }
}

@Composable
private fun Field(composer: Composer, events: ConversationEvents, modifier: Modifier) {
    // The field's own: the cursor, and letters that the keyboard has not finished. A new revision begins anew.
    var field by remember(composer.revision) { mutableStateOf(TextFieldValue(composer.text, TextRange(composer.text.length))) }
    val focus = remember { FocusRequester() }
    val tooLong = stringResource(R.string.conversation_too_long)
    LaunchedEffect(composer.mode) {
        if (composer.mode != Mode.New) focus.requestFocus()
    }
    TextField(
        field,
        {
            field = it
            events.draft(it.text)
        },
        modifier.focusRequester(focus).onPreviewKeyEvent {
            val sends = it.key == Key.Enter && it.isCtrlPressed && it.type == KeyEventType.KeyDown && composer.sendable
            if (sends) events.send()
            sends
        },
        placeholder = { Text(stringResource(R.string.conversation_write)) },
        supportingText = if (composer.tooLong) {
            { Text(tooLong, Modifier.semantics { liveRegion = LiveRegionMode.Polite }, style = MaterialTheme.typography.bodyMedium) }
        } else {
            null
        },
        isError = composer.tooLong,
        keyboardOptions = KeyboardOptions(KeyboardCapitalization.Sentences),
        maxLines = 6,
        shape = RoundedCornerShape(28.dp),
        colors = TextFieldDefaults.colors(
            focusedContainerColor = MaterialTheme.colorScheme.surfaceContainer,
            unfocusedContainerColor = MaterialTheme.colorScheme.surfaceContainer,
            errorContainerColor = MaterialTheme.colorScheme.surfaceContainer,
            focusedIndicatorColor = Color.Transparent,
            unfocusedIndicatorColor = Color.Transparent,
            errorIndicatorColor = Color.Transparent,
        ),
    )
}

/** What is answered or edited, and the way out of it. */
@Composable
private fun Above(mode: Mode, onCancel: () -> Unit) {
    val (title, text) = when (mode) {
        Mode.New -> return
        is Mode.Reply -> stringResource(R.string.conversation_replying, mode.name) to mode.text.text()
        is Mode.Edit -> stringResource(R.string.conversation_editing) to mode.text.replace('\n', ' ')
    }
    Surface(Modifier.fillMaxWidth(), color = MaterialTheme.colorScheme.surfaceContainer) {
        Row(
            Modifier.padding(start = Gap.edge, end = Gap.small, top = Gap.small, bottom = Gap.small),
            Arrangement.spacedBy(Gap.large),
            Alignment.CenterVertically,
        ) {
            Drawing(if (mode is Mode.Edit) R.drawable.edit else R.drawable.reply, null, size = 20.dp, tint = MaterialTheme.colorScheme.primary)
            Column(Modifier.weight(1f)) {
                Text(title, color = MaterialTheme.colorScheme.primary, style = MaterialTheme.typography.labelLarge)
                Text(
                    text,
                    Modifier.mayShorten(),
                    color = MaterialTheme.colorScheme.onSurfaceVariant,
                    style = MaterialTheme.typography.bodyMedium,
                    maxLines = 1,
                    overflow = TextOverflow.Ellipsis,
                )
            }
            DrawingButton(R.drawable.close, stringResource(R.string.app_cancel), onClick = onCancel)
        }
    }
}
