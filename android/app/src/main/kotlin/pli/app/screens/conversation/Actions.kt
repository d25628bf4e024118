package pli.app.screens.conversation

import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.shape.CircleShape
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.LocalContentColor
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.ModalBottomSheet
import androidx.compose.material3.Text
import androidx.compose.material3.rememberModalBottomSheetState
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.draw.clip
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.Role
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import androidx.compose.ui.unit.sp
import pli.app.R
import pli.app.ui.Drawing
import pli.app.ui.Gap

val Act.label: Int
    get() = when (this) {
        Act.REPLY -> R.string.conversation_reply
        Act.COPY -> R.string.conversation_copy
        Act.REACT -> R.string.conversation_react
        Act.EDIT -> R.string.conversation_edit
        Act.DELETE -> R.string.conversation_delete
        Act.RETRY -> R.string.app_retry
        Act.TAKE_BACK -> R.string.conversation_take_back
    }

val Act.drawing: Int
    get() = when (this) {
        Act.REPLY -> R.drawable.reply
        Act.COPY -> R.drawable.copy
        Act.REACT -> R.drawable.react
        Act.EDIT -> R.drawable.edit
        Act.DELETE -> R.drawable.delete
        Act.RETRY -> R.drawable.retry
        Act.TAKE_BACK -> R.drawable.undo
    }

private val EMOJI = listOf("👍", "✅", "👀", "🙏", "🎉", "❤️", "😀", "😂", "😮", "😢", "👎", "❌")

/** What can be done with a message. */
@OptIn(ExperimentalMaterial3Api::class)
@Composable
fun ActionSheet(row: Row.Bubble, events: ConversationEvents, onClose: () -> Unit) = ModalBottomSheet(
    onClose,
    sheetState = rememberModalBottomSheetState(skipPartiallyExpanded = true),
    // A handle without a name would be said to be touched; a tap beside the sheet closes it, as does the way back.
    dragHandle = null,
) {
    ActionList(row, events, onClose)
}

/** [typing]: an emoji that is not among those at hand. */
@Composable
fun ActionList(row: Row.Bubble, events: ConversationEvents, onClose: () -> Unit, typing: Boolean = false) {
    var typed by rememberSaveable { mutableStateOf(typing) }
    fun react(emoji: String) {
        onClose()
        events.react(row.id, emoji)
    }
    Column(Modifier.fillMaxWidth().verticalScroll(rememberScrollState()).padding(vertical = Gap.medium)) {
        if (typed) return@Column EmojiField(::react)
        if (Act.REACT in row.can) {
            FlowRow(Modifier.fillMaxWidth().padding(horizontal = Gap.edge, vertical = Gap.small), Arrangement.spacedBy(Gap.small)) {
                EMOJI.forEach { Quick(it, ::react) }
            }
            Line(R.string.conversation_react_other, Act.REACT.drawing) { typed = true }
        }
        row.can.filter { it != Act.REACT }.sorted().forEach { act ->
            Line(act.label, act.drawing, strong = act == Act.DELETE || act == Act.TAKE_BACK) {
                onClose()
                events.act(act, row)
            }
        }
    }
}

@Composable
private fun Quick(emoji: String, onEmoji: (String) -> Unit) {
    val words = stringResource(R.string.conversation_react_with, emoji)
    Box(
        Modifier
            .size(Gap.target)
            .clip(CircleShape)
            .clickable(role = Role.Button) { onEmoji(emoji) }
            .semantics(mergeDescendants = true) { contentDescription = words },
        Alignment.Center,
    ) {
        Text(emoji, fontSize = 26.sp)
    }
}

@Composable
private fun Line(label: Int, drawing: Int, strong: Boolean = false, onClick: () -> Unit) {
    val colour = if (strong) MaterialTheme.colorScheme.error else LocalContentColor.current
    Row(
        Modifier
            .fillMaxWidth()
            .clickable(role = Role.Button, onClick = onClick)
            .heightIn(min = 56.dp)
            .padding(horizontal = Gap.wide, vertical = Gap.medium),
        Arrangement.spacedBy(Gap.edge),
        Alignment.CenterVertically,
    ) {
        Drawing(drawing, null, tint = colour)
        Text(stringResource(label), color = colour, style = MaterialTheme.typography.bodyLarge)
    }
}
