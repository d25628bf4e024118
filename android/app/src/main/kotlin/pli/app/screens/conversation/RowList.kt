package pli.app.screens.conversation

import androidx.compose.animation.AnimatedVisibility
import androidx.compose.animation.fadeIn
import androidx.compose.animation.fadeOut
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
import androidx.compose.foundation.lazy.itemsIndexed
import androidx.compose.foundation.shape.CircleShape
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.derivedStateOf
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableIntStateOf
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.rememberUpdatedState
import androidx.compose.runtime.setValue
import androidx.compose.runtime.snapshotFlow
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.isTraversalGroup
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.semantics.traversalIndex
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.unit.dp
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.compose.LocalLifecycleOwner
import androidx.lifecycle.repeatOnLifecycle
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.distinctUntilChanged
import pli.app.R
import pli.app.ui.Drawing
import pli.app.ui.Gap
import pli.app.ui.Nothing
import pli.app.ui.name
import pli.app.ui.text

/** The rows, the newest at the foot. */
@Composable
fun Rows(state: ConversationState, events: ConversationEvents, modifier: Modifier) = Box(modifier) {
    val rows = state.rows ?: return@Box
    if (rows.isEmpty()) {
        Nothing(state.name, stringResource(R.string.conversation_empty), R.drawable.write, Modifier.align(Alignment.Center))
        return@Box
    }
    // Where it was left, or the first target, is where the list begins: nobody sees it jump there. By a row's key: which number it
    // has changes with what comes, and with how much is loaded.
    val list = remember {
        fun index(key: String) = rows.indexOfFirst { it.key == key }.takeIf { it >= 0 }
        val stand = state.stand?.let { stand -> index(stand.key)?.let { LazyListState(it, stand.offset) } }
        stand ?: LazyListState(state.target?.let { index(it.key) } ?: 0)
    }
    var done by remember { mutableIntStateOf(state.target?.number ?: 0) }
    var marked by remember { mutableStateOf<String?>(null) }
    val target = state.target
    val there = target != null && (target.key == Target.END || rows.any { it.key == target.key })
    LaunchedEffect(target?.number, there) {
        if (target == null || !there) return@LaunchedEffect
        if (target.number > done) {
            done = target.number
            val index = if (target.key == Target.END) 0 else rows.indexOfFirst { it.key == target.key }
            // In the middle third, so that what stands around it shows.
            val room = if (index == 0) 0 else -list.layoutInfo.viewportSize.height / 2
            if (index - list.firstVisibleItemIndex in -FAR..FAR) list.animateScrollToItem(index, room) else list.scrollToItem(index, room)
        }
        if (target.marked) {
            marked = target.key
            delay(MARKED_MS)
            marked = null
        }
    }
    Follow(list, state, events)
    val faces = rows.any { it is Row.Bubble && !it.mine && it.joins.faced }
    LazyColumn(
        Modifier.fillMaxSize(),
        list,
        PaddingValues(vertical = Gap.medium),
        reverseLayout = true,
        verticalArrangement = Arrangement.Bottom,
    ) {
        itemsIndexed(rows, { _, row -> row.key }, { _, row -> row::class }) { index, row ->
            // Laid out from the foot, read from the top.
            Box(Modifier.semantics { isTraversalGroup = true; traversalIndex = -1f - index }) {
                when (row) {
                    is Row.Bubble -> BubbleRow(row, faces, row.key == marked, events) { events.actions(row.id) }
                    is Row.Note -> Note(row, events)
                    is Row.Day -> Day(row.date.name())
                    is Row.UnreadLine -> UnreadLine()
                }
            }
        }
    }
    val away by remember { derivedStateOf { list.firstVisibleItemIndex > 1 } }
    AnimatedVisibility(away || !state.atEnd, Modifier.align(Alignment.BottomEnd).padding(Gap.edge), fadeIn(), fadeOut()) {
        Pill(state.fresh, events.newest)
    }
}

private const val FAR = 30
private const val MARKED_MS = 1_500L

/** Keeps the presenter up to date with what is on the screen, and the foot in sight while it was there. */
@Composable
private fun Follow(list: LazyListState, state: ConversationState, events: ConversationEvents) {
    val rows by rememberUpdatedState(state.rows.orEmpty())
    val atEnd by rememberUpdatedState(state.atEnd)
    val owner = LocalLifecycleOwner.current
    LaunchedEffect(list, owner) {
        owner.repeatOnLifecycle(Lifecycle.State.RESUMED) {
            snapshotFlow {
                val shown = list.layoutInfo.visibleItemsInfo
                Shown(shown.firstOrNull()?.index ?: -1, shown.lastOrNull()?.index ?: -1, rows.size, rows.firstOrNull()?.key)
            }.distinctUntilChanged().collect { shown ->
                if (shown.newest < 0) return@collect
                rows.drop(shown.newest).firstOrNull { it is Row.Bubble || it is Row.Note }?.let { events.seen(it.key) }
                if (shown.oldest >= rows.size - AHEAD) events.older()
                if (shown.newest < AHEAD && !atEnd) events.newer()
            }
        }
    }
    LaunchedEffect(list) {
        snapshotFlow { list.isScrollInProgress to list.layoutInfo }.collect { (moving, _) -> if (!moving) events.stands(list.stand(rows, atEnd)) }
    }
    // Whether the foot was in sight when it was last scrolled: what comes since does not change that.
    var following by remember(list) { mutableStateOf(list.firstVisibleItemIndex <= 1) }
    LaunchedEffect(list) {
        snapshotFlow { list.isScrollInProgress }.collect { moving -> if (!moving) following = list.firstVisibleItemIndex <= 1 }
    }
    LaunchedEffect(rows.firstOrNull()?.key) {
        if (following && state.atEnd) list.requestScrollToItem(0)
    }
}

private fun LazyListState.stand(rows: List<Row>, atEnd: Boolean): Stand? {
    if (atEnd && firstVisibleItemIndex <= 1) return null
    val lowest = layoutInfo.visibleItemsInfo.firstOrNull { rows.getOrNull(it.index) is Row.Bubble || rows.getOrNull(it.index) is Row.Note } ?: return null
    return Stand(rows[lowest.index].key, -lowest.offset)
}

private data class Shown(val newest: Int, val oldest: Int, val of: Int, val end: String?)

private const val AHEAD = 12

@Composable
private fun Pill(fresh: Int, onNewest: () -> Unit) {
    val colours = MaterialTheme.colorScheme
    val words = if (fresh == 0) null else pluralStringResource(R.plurals.conversation_new_messages, fresh, fresh)
    Surface(
        onNewest,
        Modifier.heightIn(min = Gap.target).widthIn(min = Gap.target),
        shape = CircleShape,
        color = if (fresh == 0) colours.surfaceContainerHighest else colours.primary,
        contentColor = if (fresh == 0) colours.onSurface else colours.onPrimary,
        shadowElevation = 2.dp,
    ) {
        Row(
            Modifier.padding(horizontal = Gap.large, vertical = Gap.medium),
            Arrangement.spacedBy(Gap.medium, Alignment.CenterHorizontally),
            Alignment.CenterVertically,
        ) {
            if (words != null) Text(words, style = MaterialTheme.typography.labelLarge)
            Drawing(R.drawable.down, if (words == null) stringResource(R.string.conversation_newest) else null)
        }
    }
}

@Composable
private fun Day(name: String) = Box(Modifier.fillMaxWidth().padding(top = Gap.edge, bottom = Gap.small), Alignment.Center) {
    Text(
        name,
        Modifier.semantics { heading() },
        color = MaterialTheme.colorScheme.onSurfaceVariant,
        style = MaterialTheme.typography.labelMedium,
    )
}

@Composable
private fun UnreadLine() = Row(
    Modifier.fillMaxWidth().padding(horizontal = Gap.edge).padding(top = Gap.large),
    Arrangement.spacedBy(Gap.large),
    Alignment.CenterVertically,
) {
    HorizontalDivider(Modifier.weight(1f), color = MaterialTheme.colorScheme.primary)
    Text(
        stringResource(R.string.conversation_unread_line),
        Modifier.semantics { heading() },
        color = MaterialTheme.colorScheme.primary,
        style = MaterialTheme.typography.labelMedium,
    )
    HorizontalDivider(Modifier.weight(1f), color = MaterialTheme.colorScheme.primary)
}

@Composable
private fun Note(row: Row.Note, events: ConversationEvents) = Column(
    Modifier.fillMaxWidth().padding(horizontal = Gap.wide).padding(top = Gap.large),
    horizontalAlignment = Alignment.CenterHorizontally,
) {
    val colours = MaterialTheme.colorScheme
    if (row.warning) {
        Surface(shape = MaterialTheme.shapes.small, color = colours.errorContainer, contentColor = colours.onErrorContainer) {
            Text(row.sentence.text(), Modifier.padding(Gap.large), style = MaterialTheme.typography.bodyMedium, textAlign = TextAlign.Center)
        }
        return@Column
    }
    Row(horizontalArrangement = Arrangement.spacedBy(Gap.small), verticalAlignment = Alignment.CenterVertically) {
        Text(
            row.sentence.text(),
            Modifier.weight(1f, fill = false),
            color = colours.onSurfaceVariant,
            style = MaterialTheme.typography.bodyMedium,
            textAlign = TextAlign.Center,
        )
        if (row.waiting) Drawing(R.drawable.clock, stringResource(R.string.change_waiting), size = 16.dp, tint = colours.onSurfaceVariant)
    }
    row.refused?.let { Refused(Delivery.Refused(it), row.id, setOf(Act.RETRY, Act.TAKE_BACK), events) }
}
