package pli.app.screens.conversation

import androidx.compose.animation.core.Animatable
import androidx.compose.foundation.ExperimentalFoundationApi
import androidx.compose.foundation.background
import androidx.compose.foundation.clickable
import androidx.compose.foundation.combinedClickable
import androidx.compose.foundation.gestures.Orientation
import androidx.compose.foundation.gestures.draggable
import androidx.compose.foundation.gestures.rememberDraggableState
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.BoxWithConstraints
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.IntrinsicSize
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.Spacer
import androidx.compose.foundation.layout.fillMaxHeight
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.height
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.offset
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.layout.sizeIn
import androidx.compose.foundation.layout.width
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.shape.CircleShape
import androidx.compose.foundation.shape.RoundedCornerShape
import androidx.compose.material3.LocalContentColor
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.remember
import androidx.compose.runtime.rememberCoroutineScope
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.draw.clip
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.graphics.Shape
import androidx.compose.ui.hapticfeedback.HapticFeedbackType
import androidx.compose.ui.layout.Layout
import androidx.compose.ui.platform.LocalDensity
import androidx.compose.ui.platform.LocalHapticFeedback
import androidx.compose.ui.platform.LocalLayoutDirection
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.CustomAccessibilityAction
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.customActions
import androidx.compose.ui.semantics.selected
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.TextLayoutResult
import androidx.compose.ui.text.TextStyle
import androidx.compose.ui.text.font.FontStyle
import androidx.compose.ui.text.font.FontWeight
import androidx.compose.ui.text.style.TextOverflow
import androidx.compose.ui.unit.IntOffset
import androidx.compose.ui.unit.LayoutDirection
import androidx.compose.ui.unit.dp
import androidx.compose.ui.unit.sp
import kotlin.math.ceil
import kotlin.math.roundToInt
import kotlinx.coroutines.launch
import pli.ItemId
import pli.app.R
import pli.app.gallery.mayShorten
import pli.app.ui.Avatar
import pli.app.ui.Drawing
import pli.app.ui.Gap
import pli.app.ui.text
import pli.app.ui.time

private val ROUND = 18.dp
private val JOINED = 4.dp
private val FACE = 32.dp

private fun shape(mine: Boolean, joins: Joins): Shape {
    val above = if (joins.above) JOINED else ROUND
    val below = if (joins.below) JOINED else ROUND
    return if (mine) {
        RoundedCornerShape(topStart = ROUND, topEnd = above, bottomEnd = below, bottomStart = ROUND)
    } else {
        RoundedCornerShape(topStart = above, topEnd = ROUND, bottomEnd = ROUND, bottomStart = below)
    }
}

/** What somebody said. [faces] is whether faces stand at the start: in groups. */
@Composable
fun BubbleRow(row: Row.Bubble, faces: Boolean, marked: Boolean, events: ConversationEvents, onActions: () -> Unit) = BoxWithConstraints(
    Modifier
        .fillMaxWidth()
        .background(if (marked) MaterialTheme.colorScheme.surfaceContainerHighest else Color.Transparent)
        .padding(start = Gap.edge, end = Gap.edge, top = if (row.joins.above) Gap.tiny else Gap.large),
) {
    val most = minOf((maxWidth + Gap.edge * 2) * 0.82f, 560.dp)
    Column(Modifier.fillMaxWidth(), horizontalAlignment = if (row.mine) Alignment.End else Alignment.Start) {
        Swiped(Act.REPLY in row.can, { events.reply(row.id) }) {
            Row(horizontalArrangement = Arrangement.spacedBy(Gap.medium), verticalAlignment = Alignment.Bottom) {
                if (faces && !row.mine) {
                    if (row.joins.faced) Face(row) else Spacer(Modifier.width(FACE))
                }
                Bubble(row, Modifier.weight(1f, fill = false).widthIn(max = most), events, onActions)
            }
        }
        if (row.reactions.isNotEmpty()) {
            ReactionRow(row, Modifier.padding(start = if (faces && !row.mine) FACE + Gap.medium else 0.dp).widthIn(max = most), events)
        }
        (row.delivery as? Delivery.Refused)?.let { Refused(it, row.id, row.can, events) }
    }
}

@Composable
private fun Face(row: Row.Bubble) =
    Avatar(row.face, FACE)

@OptIn(ExperimentalFoundationApi::class)
@Composable
private fun Bubble(row: Row.Bubble, modifier: Modifier, events: ConversationEvents, onActions: () -> Unit) {
    val colours = MaterialTheme.colorScheme
    val bare = (row.body as? Body.Text)?.emojiOnly == true && row.quote == null
    val shape = shape(row.mine, row.joins)
    val labels = row.can.map { it to stringResource(it.label) }
    val you = stringResource(R.string.app_you)
    Surface(
        modifier
            .clip(shape)
            .combinedClickable(
                onClickLabel = stringResource(R.string.app_more),
                onLongClickLabel = stringResource(R.string.app_more),
                onLongClick = onActions,
                onClick = onActions,
            )
            .semantics(mergeDescendants = true) {
                // Who said it is said of each, though it is shown only once.
                if (row.mine) contentDescription = you else if (!row.joins.named) contentDescription = row.name
                customActions = labels.map { (act, label) -> CustomAccessibilityAction(label) { events.act(act, row); true } }
            },
        shape,
        color = if (bare) Color.Transparent else if (row.mine) colours.primaryContainer else colours.surfaceContainer,
        contentColor = if (bare) colours.onSurface else if (row.mine) colours.onPrimaryContainer else colours.onSurface,
    ) {
        Column(
            Modifier.heightIn(min = Gap.target).padding(horizontal = Gap.large, vertical = Gap.medium).width(IntrinsicSize.Max),
            Arrangement.Center,
        ) {
            if (row.joins.named) {
                Text(
                    row.name,
                    Modifier.padding(bottom = Gap.tiny),
                    color = colours.primary,
                    fontWeight = FontWeight.SemiBold,
                    style = MaterialTheme.typography.labelLarge,
                )
            }
            row.quote?.let { Quote(it, events.jump) }
            Said(row)
        }
    }
}

/** The quote of what is answered; a tap goes there. */
@Composable
private fun Quote(quote: Quoted, onJump: (ItemId) -> Unit) = Row(
    Modifier
        .padding(bottom = Gap.small)
        .fillMaxWidth()
        .clip(MaterialTheme.shapes.extraSmall)
        .background(LocalContentColor.current.copy(alpha = 0.06f))
        .clickable(enabled = !quote.gone) { onJump(quote.id) }
        .heightIn(min = Gap.target)
        .height(IntrinsicSize.Min),
) {
    Box(Modifier.width(3.dp).fillMaxHeight().background(MaterialTheme.colorScheme.primary))
    Column(Modifier.padding(horizontal = Gap.medium, vertical = Gap.small).align(Alignment.CenterVertically)) {
        if (quote.gone) {
            Text(stringResource(R.string.conversation_quote_gone), fontStyle = FontStyle.Italic, style = MaterialTheme.typography.bodyMedium)
        } else {
            Text(quote.name.orEmpty(), color = MaterialTheme.colorScheme.primary, fontWeight = FontWeight.Medium, style = MaterialTheme.typography.labelMedium)
            Text(
                quote.text.ifEmpty { stringResource(R.string.conversation_deleted) },
                Modifier.mayShorten(),
                style = MaterialTheme.typography.bodyMedium,
                maxLines = 2,
                overflow = TextOverflow.Ellipsis,
            )
        }
    }
}

/** The text, and at the end of its last line when it was said and how far it came. */
@Composable
private fun Said(row: Row.Bubble) {
    var laid: TextLayoutResult? = null
    val body = row.body
    val style = MaterialTheme.typography.bodyLarge
    Layout({
        when (body) {
            is Body.Text -> Text(
                body.text,
                style = if (body.emojiOnly) TextStyle(fontSize = 40.sp, lineHeight = 52.sp) else style,
                onTextLayout = { laid = it },
            )
            is Body.Words -> Text(
                body.sentence.text(),
                color = if (row.mine) LocalContentColor.current else MaterialTheme.colorScheme.onSurfaceVariant,
                fontStyle = FontStyle.Italic,
                style = style,
                onTextLayout = { laid = it },
            )
        }
        When(row)
    }, Modifier.fillMaxWidth()) { measurables, constraints ->
        val loose = constraints.copy(minWidth = 0, minHeight = 0)
        val text = measurables[0].measure(loose)
        val time = measurables[1].measure(loose)
        val gap = Gap.medium.roundToPx()
        val layout = laid
        val last = (layout?.lineCount ?: 1) - 1
        val end = when {
            layout == null -> text.width
            layoutDirection == LayoutDirection.Ltr -> ceil(layout.getLineRight(last)).toInt()
            else -> ceil(text.width - layout.getLineLeft(last)).toInt()
        }
        val beside = end + gap + time.width
        // The bubble is as wide as both on one line, but for what rounding took.
        val fits = beside - gap / 2 <= constraints.maxWidth
        val width = maxOf(text.width, time.width, if (fits) beside else 0, constraints.minWidth).coerceAtMost(constraints.maxWidth)
        val height = if (fits) maxOf(text.height, time.height) else text.height + time.height
        layout(width, height) {
            text.placeRelative(0, 0)
            time.placeRelative(width - time.width, height - time.height)
        }
    }
}

@Composable
private fun When(row: Row.Bubble) {
    val colour = if (row.mine && (row.body as? Body.Text)?.emojiOnly != true) LocalContentColor.current else MaterialTheme.colorScheme.onSurfaceVariant
    Row(Modifier.padding(top = Gap.tiny), Arrangement.spacedBy(Gap.small), Alignment.CenterVertically) {
        if (row.edited) Text(stringResource(R.string.conversation_edited), color = colour, style = MaterialTheme.typography.bodySmall, maxLines = 1)
        Text(row.at.time(), color = colour, style = MaterialTheme.typography.bodySmall, maxLines = 1)
        when (row.delivery) {
            null -> Unit
            Delivery.Waiting -> Drawing(R.drawable.clock, stringResource(R.string.conversation_waiting), size = 16.dp, tint = colour)
            Delivery.Sent -> Drawing(R.drawable.check, stringResource(R.string.conversation_sent), size = 16.dp, tint = colour)
            is Delivery.Refused -> Drawing(R.drawable.alert, stringResource(R.string.conversation_refused), size = 16.dp, tint = MaterialTheme.colorScheme.error)
        }
    }
}

@Composable
private fun ReactionRow(row: Row.Bubble, modifier: Modifier, events: ConversationEvents) =
    FlowRow(modifier, if (row.mine) Arrangement.End else Arrangement.Start) {
        row.reactions.forEach { reaction ->
            val words = pluralStringResource(R.plurals.conversation_reaction, reaction.count, reaction.emoji, reaction.count)
            val colours = MaterialTheme.colorScheme
            Box(
                Modifier
                    .clip(CircleShape)
                    .clickable(enabled = Act.REACT in row.can) { events.react(row.id, reaction.emoji) }
                    .sizeIn(minWidth = Gap.target, minHeight = Gap.target)
                    .semantics(mergeDescendants = true) {
                        selected = reaction.mine
                        contentDescription = words
                    },
                Alignment.Center,
            ) {
                Text(
                    if (reaction.count > 1) "${reaction.emoji} ${reaction.count}" else reaction.emoji,
                    Modifier
                        .background(if (reaction.mine) colours.primaryContainer else colours.surfaceContainerHigh, CircleShape)
                        .padding(horizontal = Gap.large, vertical = Gap.small),
                    color = if (reaction.mine) colours.onPrimaryContainer else colours.onSurface,
                    style = MaterialTheme.typography.bodyMedium,
                )
            }
        }
    }

/** Why it was not sent, and what can be done. */
@Composable
fun Refused(refused: Delivery.Refused, entry: ItemId, can: Set<Act>, events: ConversationEvents) = Column(horizontalAlignment = Alignment.End) {
    Text(
        refused.why.text(),
        Modifier.padding(top = Gap.small),
        color = MaterialTheme.colorScheme.error,
        style = MaterialTheme.typography.bodySmall,
    )
    Row {
        if (Act.TAKE_BACK in can) TextButton({ events.delete(entry) }) { Text(stringResource(R.string.conversation_take_back)) }
        TextButton({ events.retry(entry) }) { Text(stringResource(R.string.app_retry)) }
    }
}

/** Swiped towards the end, it is answered. */
@Composable
private fun Swiped(can: Boolean, onReply: () -> Unit, content: @Composable () -> Unit) {
    val moved = remember { Animatable(0f) }
    val scope = rememberCoroutineScope()
    val haptic = LocalHapticFeedback.current
    val far = with(LocalDensity.current) { 64.dp.toPx() }
    val way = if (LocalLayoutDirection.current == LayoutDirection.Ltr) 1 else -1
    val state = rememberDraggableState { by ->
        val before = moved.value
        val next = (before + by * way).coerceIn(0f, far * 1.2f)
        if (before < far && next >= far) haptic.performHapticFeedback(HapticFeedbackType.GestureThresholdActivate)
        scope.launch { moved.snapTo(next) }
    }
    Box(
        Modifier
            .draggable(
                state,
                Orientation.Horizontal,
                enabled = can,
                onDragStopped = {
                    if (moved.value >= far) onReply()
                    moved.animateTo(0f)
                },
            )
            .offset { IntOffset((moved.value * way).roundToInt(), 0) },
    ) {
        content()
    }
}
