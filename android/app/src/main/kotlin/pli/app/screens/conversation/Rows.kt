package pli.app.screens.conversation

import java.time.LocalDate
import pli.Change
import pli.Content
import pli.DeliveryState
import pli.ItemId
import pli.Message
import pli.PersonId
import pli.Refusal
import pli.TimelineItem
import pli.What
import pli.app.R
import pli.app.ui.Sentence
import pli.app.ui.day
import pli.app.ui.face
import pli.app.ui.line
import pli.app.ui.say

/** What the rows of a conversation depend on, beside its items. */
data class Surroundings(
    val me: PersonId? = null,
    val pair: Boolean = false,
    val mayWrite: Boolean = true,
    val admin: Boolean = false,
    /** Of the members. */
    val names: Map<PersonId, String> = emptyMap(),
    /** Where the unread began when the conversation was opened. */
    val firstUnread: ItemId? = null,
)

private const val TOGETHER_MS = 10 * 60_000L

/** The rows of these items, the newest first. */
fun rows(items: List<TimelineItem>, around: Surroundings): List<Row> {
    val rows = ArrayList<Row>(items.size + 8)
    var day: LocalDate? = null
    items.forEachIndexed { index, item ->
        val date = item.at.day()
        if (day == null || date > day) {
            rows += Row.Day(date)
            day = date
        }
        if (around.firstUnread != null && item.entry == around.firstUnread) rows += Row.UnreadLine
        rows += when (item) {
            is TimelineItem.Changed -> note(item.change, around.me)
            is TimelineItem.Said -> {
                val message = item.message
                val above = rows.lastOrNull() is Row.Bubble && (items.getOrNull(index - 1)).together(message)
                val next = items.getOrNull(index + 1)
                val below = next.together(message) && next?.entry != around.firstUnread
                val others = !around.pair && !message.mine
                bubble(message, around, Joins(above, below, named = others && !above, faced = others && !below))
            }
        }
    }
    rows.reverse()
    return rows
}

private val TimelineItem.at get() = when (this) {
    is TimelineItem.Said -> message.sentAt
    is TimelineItem.Changed -> change.at
}

private val TimelineItem.entry get() = when (this) {
    is TimelineItem.Said -> message.id
    is TimelineItem.Changed -> change.id
}

/** Whether both were said by one, shortly after the other, on one day. */
private fun TimelineItem?.together(other: Message): Boolean {
    val message = (this as? TimelineItem.Said)?.message ?: return false
    return message.sender.id == other.sender.id &&
        kotlin.math.abs(message.sentAt.toEpochMilli() - other.sentAt.toEpochMilli()) < TOGETHER_MS &&
        message.sentAt.day() == other.sentAt.day()
}

private fun bubble(message: Message, around: Surroundings, joins: Joins): Row.Bubble {
    val content = message.content
    val delivery = when (val delivery = message.delivery) {
        null -> null
        is DeliveryState.Waiting -> Delivery.Waiting
        is DeliveryState.Sent -> Delivery.Sent
        is DeliveryState.Refused -> Delivery.Refused(say(delivery.why.words))
    }
    val there = delivery == null || delivery == Delivery.Sent
    val text = content is Content.Text
    val can = buildSet {
        if (text && there && around.mayWrite) add(Act.REPLY)
        if (text && there && around.mayWrite) add(Act.REACT)
        if (text) add(Act.COPY)
        if (text && message.mine && there && around.mayWrite) add(Act.EDIT)
        if (delivery is Delivery.Refused) add(Act.RETRY)
        if (message.mine && !there) add(Act.TAKE_BACK)
        if (text && there && around.mayWrite && (message.mine || around.admin && !around.pair)) add(Act.DELETE)
    }
    return Row.Bubble(
        message.id,
        message.sender.name,
        message.sender.face,
        message.sender.id,
        message.mine,
        when (content) {
            is Content.Text -> Body.Text(content.body, message.emojiOnly)
            is Content.Deleted -> Body.Words(if (content.by == message.sender.id) message.line() else deletedBy(content.by, around))
            else -> Body.Words(message.line())
        },
        message.sentAt,
        joins,
        message.replyTo?.let { Quoted(it.entry, it.sender?.name, it.text) },
        message.editedAt != null && text,
        delivery,
        message.reactions.map { Reactions(it.emoji, it.people.size, around.me in it.people) },
        can,
    )
}

/** By an administrator, who is named if they are still here. */
private fun deletedBy(person: PersonId, around: Surroundings): Sentence =
    if (person == around.me) say(R.string.conversation_deleted_by_you)
    else around.names[person]?.let { say(R.string.conversation_deleted_by, it) } ?: say(R.string.conversation_deleted)

private fun note(change: Change, me: PersonId?): Row.Note {
    val delivery = change.delivery
    return Row.Note(
        change.id,
        change.sentence(me),
        delivery is DeliveryState.Waiting,
        (delivery as? DeliveryState.Refused)?.let { say(it.why.words) },
        change.what is What.Fork || change.what is What.Gap || change.what is What.PutBack,
    )
}

/** Why it was refused. */
val Refusal.words: Int
    get() = when (this) {
        Refusal.NOT_ALLOWED -> R.string.conversation_refused_not_allowed
        Refusal.NO_DEVICE -> R.string.conversation_refused_no_device
        Refusal.NOT_A_MEMBER -> R.string.conversation_refused_not_a_member
        Refusal.TOO_MANY -> R.string.conversation_refused_too_many
        Refusal.SERVER -> R.string.conversation_refused_server
    }

/** What stands where a sentence would be of a quote. */
val Quoted.gone get() = name == null && text.isEmpty()

fun Row.Bubble.quotable(): Sentence = when (val body = body) {
    is Body.Text -> Sentence(0, listOf(body.text.replace('\n', ' ')))
    is Body.Words -> body.sentence
}
