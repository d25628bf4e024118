package pli.app.screens.conversation

import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.WindowInsets
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.safeDrawing
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Scaffold
import androidx.compose.material3.Text
import androidx.compose.material3.TopAppBar
import androidx.compose.material3.TopAppBarDefaults
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.draw.clip
import androidx.compose.ui.platform.LocalContext
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.style.TextOverflow
import pli.ItemId
import pli.PersonId
import pli.app.R
import pli.app.gallery.mayShorten
import pli.app.screens.conversations.ConnectionLine
import pli.app.ui.Avatar
import pli.app.ui.DrawingButton
import pli.app.ui.Gap
import pli.app.ui.Notice
import pli.app.ui.Sure
import pli.app.ui.copy
import pli.app.ui.text

/** What a person does in a conversation. */
class ConversationEvents(
    val draft: (String) -> Unit = {},
    val send: () -> Unit = {},
    val reply: (ItemId) -> Unit = {},
    val edit: (ItemId) -> Unit = {},
    val cancel: () -> Unit = {},
    val delete: (ItemId) -> Unit = {},
    val react: (ItemId, String) -> Unit = { _, _ -> },
    val retry: (ItemId) -> Unit = {},
    val jump: (ItemId) -> Unit = {},
    val older: () -> Unit = {},
    val newer: () -> Unit = {},
    val newest: () -> Unit = {},
    val seen: (String) -> Unit = {},
    val stands: (Stand?) -> Unit = {},
    val copy: (String) -> Unit = {},
    val details: () -> Unit = {},
    val person: (PersonId) -> Unit = {},
    val join: () -> Unit = {},
    val told: () -> Unit = {},
    /** Asks before a message is deleted, and opens what can be done with it: the view's own. */
    internal val sure: (ItemId) -> Unit = {},
    internal val actions: (ItemId) -> Unit = {},
) {
    internal fun act(act: Act, row: Row.Bubble) = when (act) {
        Act.REPLY -> reply(row.id)
        Act.COPY -> copy((row.body as? Body.Text)?.text.orEmpty())
        Act.REACT -> actions(row.id)
        Act.EDIT -> edit(row.id)
        Act.DELETE -> sure(row.id)
        Act.RETRY -> retry(row.id)
        Act.TAKE_BACK -> delete(row.id)
    }

    internal fun with(copy: (String) -> Unit, sure: (ItemId) -> Unit, actions: (ItemId) -> Unit) = ConversationEvents(
        draft, send, reply, edit, cancel, delete, react, retry, jump, older, newer, newest, seen, stands, copy, details, person, join, told, sure, actions,
    )
}

/** A conversation. [onBack] is absent where the list stands beside it. */
@Composable
fun ConversationView(state: ConversationState, events: ConversationEvents, onBack: (() -> Unit)? = {}) {
    val context = LocalContext.current
    var asked by rememberSaveable { mutableStateOf<String?>(null) }
    var chosen by rememberSaveable { mutableStateOf<String?>(null) }
    val all = remember(events) { events.with({ copy(context, it) }, { asked = it.text }, { chosen = it.text }) }
    Scaffold(
        topBar = { Bar(state, onBack, events.details) },
        contentWindowInsets = WindowInsets.safeDrawing,
    ) { insets ->
        Column(Modifier.fillMaxSize().padding(insets)) {
            ConnectionLine(state.connection, events.join)
            Lines(state)
            Rows(state, all, Modifier.weight(1f).fillMaxWidth())
            if (state.problem != null) {
                // Beside what is being written, which it may be about, and over nothing.
                Notice(
                    state.problem.text(),
                    R.drawable.alert,
                    Modifier.padding(horizontal = Gap.edge, vertical = Gap.small),
                    warning = true,
                    action = stringResource(R.string.app_close),
                    onAction = events.told,
                )
            }
            if (state.closed == null) Writing(state.composer, all) else Closed(state.closed.text())
        }
    }
    val rows = state.rows.orEmpty()
    chosen?.let { key ->
        val row = rows.firstOrNull { it.key == key } as? Row.Bubble
        if (row == null || row.can.isEmpty()) chosen = null else ActionSheet(row, all) { chosen = null }
    }
    asked?.let { message ->
        Sure(
            stringResource(R.string.conversation_delete_sure),
            stringResource(R.string.conversation_delete),
            { events.delete(ItemId(message)) },
            { asked = null },
        )
    }
}

@OptIn(ExperimentalMaterial3Api::class)
@Composable
private fun Bar(state: ConversationState, onBack: (() -> Unit)?, onDetails: () -> Unit) = TopAppBar(
    title = {
        Row(
            Modifier
                .clip(MaterialTheme.shapes.small)
                .clickable(onClickLabel = stringResource(R.string.conversation_details, state.name), onClick = onDetails)
                .fillMaxWidth()
                .heightIn(min = Gap.target)
                .padding(start = Gap.small, top = Gap.tiny, end = Gap.edge, bottom = Gap.tiny)
                .semantics(mergeDescendants = true) { heading() },
            Arrangement.spacedBy(Gap.large),
            Alignment.CenterVertically,
        ) {
            if (state.face != null) Avatar(state.face, Gap.wide + Gap.large)
            Column {
                Text(state.name, Modifier.mayShorten(), style = MaterialTheme.typography.titleMedium, maxLines = 1, overflow = TextOverflow.Ellipsis)
                if (state.about != null) {
                    Text(
                        state.about.text(),
                        Modifier.mayShorten(),
                        color = MaterialTheme.colorScheme.onSurfaceVariant,
                        style = MaterialTheme.typography.bodySmall,
                        maxLines = 1,
                        overflow = TextOverflow.Ellipsis,
                    )
                }
            }
        }
    },
    navigationIcon = { if (onBack != null) DrawingButton(R.drawable.back, stringResource(R.string.app_back), onClick = onBack) },
    colors = TopAppBarDefaults.topAppBarColors(scrolledContainerColor = MaterialTheme.colorScheme.surface),
)

/** What everybody here should know. */
@Composable
private fun Lines(state: ConversationState) = Column(Modifier.padding(horizontal = Gap.edge)) {
    if (state.guests > 0) {
        Notice(
            pluralStringResource(R.plurals.conversation_guests, state.guests, state.guests),
            R.drawable.people,
            Modifier.padding(vertical = Gap.small),
        )
    }
    if (state.standing != null) Notice(state.standing.text(), R.drawable.alert, Modifier.padding(vertical = Gap.small))
}

/** Why nothing can be written, where one would write. */
@Composable
private fun Closed(why: String) = Box(Modifier.fillMaxWidth().padding(Gap.edge)) {
    Notice(why, R.drawable.alert)
}
