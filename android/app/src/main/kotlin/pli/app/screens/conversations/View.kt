package pli.app.screens.conversations

import androidx.compose.foundation.ExperimentalFoundationApi
import androidx.compose.foundation.background
import androidx.compose.foundation.combinedClickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.LazyListState
import androidx.compose.foundation.lazy.items
import androidx.compose.foundation.lazy.rememberLazyListState
import androidx.compose.foundation.shape.CircleShape
import androidx.compose.material3.Button
import androidx.compose.material3.DropdownMenu
import androidx.compose.material3.DropdownMenuItem
import androidx.compose.material3.FloatingActionButton
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.platform.LocalDensity
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.CustomAccessibilityAction
import androidx.compose.ui.semantics.clearAndSetSemantics
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.customActions
import androidx.compose.ui.semantics.selected
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.font.FontWeight
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.unit.dp
import androidx.compose.ui.unit.sp
import pli.ConversationId
import pli.app.R
import pli.app.gallery.mayShorten
import pli.app.session.Connection
import pli.app.ui.Avatar
import pli.app.ui.Drawing
import pli.app.ui.DrawingButton
import pli.app.ui.Gap
import pli.app.ui.Nothing
import pli.app.ui.Notice
import pli.app.ui.Screen
import pli.app.ui.largeText
import pli.app.ui.short
import pli.app.ui.text

/** What a person does with the list. */
class ConversationsEvents(
    val open: (ConversationId) -> Unit = {},
    val mute: (ConversationId) -> Unit = {},
    val unmute: (ConversationId) -> Unit = {},
    val new: () -> Unit = {},
    val settings: () -> Unit = {},
    val join: () -> Unit = {},
    val told: () -> Unit = {},
)

/** The list. [open] is the conversation beside it, on a wide screen. */
@Composable
fun ConversationsView(
    state: ConversationsState,
    events: ConversationsEvents,
    open: ConversationId? = null,
    list: LazyListState = rememberLazyListState(),
) {
    val new = stringResource(R.string.conversations_new)
    Screen(
        stringResource(R.string.conversations_title),
        problem = state.problem,
        onTold = events.told,
        actions = { DrawingButton(R.drawable.settings, stringResource(R.string.settings_title), onClick = events.settings) },
        floating = {
            if (state.connection != Connection.Revoked && !state.rows.isNullOrEmpty()) {
                FloatingActionButton(events.new) { Drawing(R.drawable.write, new) }
            }
        },
    ) { insets ->
        Column(Modifier.fillMaxSize().padding(top = insets.calculateTopPadding())) {
            ConnectionLine(state.connection, events.join)
            if (state.clockWrong) {
                Notice(stringResource(R.string.problem_clock_wrong), R.drawable.alert, Modifier.padding(horizontal = Gap.edge, vertical = Gap.small), warning = true)
            }
            if (state.revocationsOld) {
                Notice(stringResource(R.string.conversations_revocations_old), R.drawable.alert, Modifier.padding(horizontal = Gap.edge, vertical = Gap.small), warning = true)
            }
            val rows = state.rows
            when {
                rows == null -> Unit
                rows.isEmpty() -> Box(Modifier.fillMaxSize().padding(bottom = insets.calculateBottomPadding()), Alignment.Center) {
                    Nothing(stringResource(R.string.conversations_none), stringResource(R.string.conversations_none_how), R.drawable.write) {
                        Button(events.new, Modifier.padding(top = Gap.medium).heightIn(min = Gap.target)) { Text(new) }
                    }
                }
                // Room at the foot, so that the button hides no row.
                else -> LazyColumn(state = list, contentPadding = PaddingValues(bottom = insets.calculateBottomPadding() + 88.dp)) {
                    items(rows, { it.id.text }) { row -> Conversation(row, row.id == open, events) }
                }
            }
        }
    }
}

/** One line, only when it matters. */
@Composable
fun ConnectionLine(connection: Connection, onJoin: () -> Unit, modifier: Modifier = Modifier) {
    val place = modifier.padding(horizontal = Gap.edge, vertical = Gap.small)
    when (connection) {
        Connection.Fine -> Unit
        Connection.Connecting -> Notice(stringResource(R.string.conversations_connecting), R.drawable.connection, place)
        Connection.Unreachable -> Notice(stringResource(R.string.conversations_unreachable), R.drawable.connection, place)
        is Connection.CatchingUp -> Notice(
            pluralStringResource(R.plurals.conversations_catching_up, connection.left, connection.left),
            R.drawable.retry,
            place,
        )
        Connection.Revoked -> Notice(
            stringResource(R.string.conversations_revoked),
            R.drawable.alert,
            place,
            warning = true,
            action = stringResource(R.string.conversations_join_again),
            onAction = onJoin,
        )
        Connection.Update -> Notice(stringResource(R.string.conversations_update), R.drawable.alert, place, warning = true)
    }
}

@OptIn(ExperimentalFoundationApi::class)
@Composable
private fun Conversation(row: ConversationRow, open: Boolean, events: ConversationsEvents) {
    var menu by remember { mutableStateOf(false) }
    val mute = stringResource(if (row.muted) R.string.conversations_unmute else R.string.conversations_mute)
    val act = { if (row.muted) events.unmute(row.id) else events.mute(row.id) }
    Box {
        Row(
            Modifier
                .fillMaxWidth()
                .combinedClickable(onLongClick = { menu = true }, onLongClickLabel = stringResource(R.string.app_more)) { events.open(row.id) }
                .background(if (open) MaterialTheme.colorScheme.primaryContainer else MaterialTheme.colorScheme.surface)
                .semantics {
                    selected = open
                    customActions = listOf(CustomAccessibilityAction(mute) { act(); true })
                }
                .heightIn(min = 72.dp)
                .padding(horizontal = Gap.edge, vertical = Gap.large),
            Arrangement.spacedBy(Gap.edge),
            Alignment.CenterVertically,
        ) {
            Avatar(row.face)
            Column(Modifier.weight(1f), Arrangement.spacedBy(Gap.tiny)) {
                First(row)
                Second(row)
            }
        }
        DropdownMenu(menu, { menu = false }) {
            DropdownMenuItem(
                { Text(mute) },
                { menu = false; act() },
                leadingIcon = { Drawing(if (row.muted) R.drawable.bell else R.drawable.muted, null) },
            )
        }
    }
}

@Composable
private fun First(row: ConversationRow) {
    // Large letters leave a name no room beside the time.
    if (largeText) {
        Name(row)
        Time(row)
    } else {
        Row(horizontalArrangement = Arrangement.spacedBy(Gap.medium), verticalAlignment = Alignment.CenterVertically) {
            Name(row, Modifier.weight(1f))
            Time(row)
        }
    }
}

@Composable
private fun Name(row: ConversationRow, modifier: Modifier = Modifier) = Row(modifier, Arrangement.spacedBy(Gap.small), Alignment.CenterVertically) {
    Text(
        row.name,
        Modifier.weight(1f, fill = false).mayShorten(),
        fontWeight = if (row.unread > 0) FontWeight.SemiBold else FontWeight.Medium,
        style = MaterialTheme.typography.bodyLarge,
        maxLines = if (largeText) 2 else 1,
        overflow = TextOverflow.Ellipsis,
    )
    if (row.muted) {
        Drawing(R.drawable.muted, stringResource(R.string.conversations_muted), size = 16.dp, tint = MaterialTheme.colorScheme.onSurfaceVariant)
    }
}

@Composable
private fun Time(row: ConversationRow) = row.at?.let {
    Text(
        it.short(),
        color = if (row.unread > 0 && !row.muted) MaterialTheme.colorScheme.primary else MaterialTheme.colorScheme.onSurfaceVariant,
        style = MaterialTheme.typography.bodySmall,
    )
}

@Composable
private fun Second(row: ConversationRow) = Row(horizontalArrangement = Arrangement.spacedBy(Gap.medium), verticalAlignment = Alignment.CenterVertically) {
    Text(
        row.line.text(),
        Modifier.weight(1f).mayShorten(),
        color = if (row.draft) MaterialTheme.colorScheme.primary else MaterialTheme.colorScheme.onSurfaceVariant,
        style = MaterialTheme.typography.bodyMedium,
        maxLines = 2,
        overflow = TextOverflow.Ellipsis,
    )
    if (row.unread > 0) Unread(row.unread, row.muted)
}

@Composable
private fun Unread(count: Int, muted: Boolean) {
    val colours = MaterialTheme.colorScheme
    val words = pluralStringResource(R.plurals.conversations_unread, count, count)
    // It grows with its letters, and stays round.
    val side = with(LocalDensity.current) { 22.sp.toDp() }.coerceAtLeast(22.dp)
    Box(
        Modifier
            .background(if (muted) colours.onSurfaceVariant else colours.primary, CircleShape)
            .heightIn(min = side)
            .widthIn(min = side)
            .padding(horizontal = 6.dp)
            .clearAndSetSemantics { contentDescription = words },
        Alignment.Center,
    ) {
        Text(
            if (count > 999) "999+" else count.toString(),
            color = if (muted) colours.surface else colours.onPrimary,
            style = MaterialTheme.typography.labelSmall,
            textAlign = TextAlign.Center,
        )
    }
}
