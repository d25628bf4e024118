package pli

import java.time.Duration
import java.time.Instant
import kotlinx.coroutines.flow.Flow
import pli.internal.InfoStream
import pli.internal.ItemStream
import pli.internal.MemberStream
import pli.internal.RawConversation
import pli.internal.RawTimeline

/**
 * A handle on a conversation: no I/O, nothing to close, from any thread. Actions are on disk when their call returns,
 * online or not; what becomes of them shows in the timeline.
 */
class Conversation internal constructor(val id: ConversationId, private val raw: RawConversation) {
    /** What lists show of it. */
    val info: Flow<ConversationInfo> = pulled(raw::infos, InfoStream::next, InfoStream::stop)

    /** Who is in it, the most powerful first. */
    val members: Flow<List<Member>> = listed(raw::members, MemberStream::next, MemberStream::stop) {
        splice(it.at, it.removed, it.inserted)
    }

    /** A window on the newest items, or on those around an entry. */
    fun timeline(around: ItemId? = null) = Timeline(raw.timeline(around))

    /** What lists show of it now. */
    suspend fun currentInfo(): ConversationInfo = raw.info()

    /** Who is in it now. */
    suspend fun memberList(): List<Member> = raw.memberList()

    /** The first message of others that was not seen yet. */
    suspend fun firstUnread(): ItemId? = raw.firstUnread()

    /** Items before one, or the newest with what waits in the outbox; oldest first. */
    suspend fun items(before: ItemId? = null, count: Int = 50): List<TimelineItem> = raw.items(before, count)

    /** Says something. The draft goes with it. */
    suspend fun send(text: String, replyTo: ItemId? = null, mentions: List<PersonId> = emptyList()): ItemId =
        raw.send(text, replyTo, mentions)

    /** Replaces what an own message says, and whom it mentions. */
    suspend fun edit(message: ItemId, text: String, mentions: List<PersonId> = emptyList()): ItemId =
        raw.edit(message, text, mentions)

    /** Deletes a message for everyone, and gives the deletion's entry. What waits in the outbox or was refused is taken back, and gives null. */
    suspend fun delete(message: ItemId): ItemId? = raw.delete(message)

    /** Reacts with an emoji; null takes the own reaction back. */
    suspend fun react(message: ItemId, emoji: String?): ItemId = raw.react(message, emoji)

    /** Takes up again what was refused. */
    suspend fun retry(entry: ItemId) = raw.retry(entry)

    /** Adds people, with all their devices. */
    suspend fun add(people: List<PersonId>): ItemId = raw.add(people)

    /** Removes people: they can neither read nor write what follows. */
    suspend fun remove(people: List<PersonId>): ItemId = raw.remove(people)

    /** Gives a person a role. */
    suspend fun setRole(person: PersonId, role: Role): ItemId = raw.setRole(person, role)

    /** Leaves a group, with all own devices. */
    suspend fun leave(): ItemId = raw.leave()

    /** Renames a group. */
    suspend fun rename(name: String): ItemId = raw.rename(name)

    /** Says what a group is about. */
    suspend fun setTopic(topic: String): ItemId = raw.setTopic(topic)

    /** How long messages are shown; null for ever. */
    suspend fun setLifetime(lifetime: Duration?): ItemId = raw.setLifetime(lifetime)

    /** The least role that may add people, post or rename. */
    suspend fun setLeastRole(permission: Permission, role: Role): ItemId = raw.setLeastRole(permission, role)

    /** Keeps what was written and not sent. */
    suspend fun setDraft(draft: String) = raw.setDraft(draft)

    /** No notifications until then; null unmutes. */
    suspend fun mute(until: Instant?) = raw.mute(until)

    /** Waits until an action is in the log, or was refused. */
    suspend fun settled(entry: ItemId): DeliveryState = raw.settled(entry)
}

/** A window on a timeline: 50 items at first, 1,000 at most. Nothing to close. */
class Timeline internal constructor(private val raw: RawTimeline) {
    /** The items in the window, oldest first; at the end of the conversation also what waits in the outbox. */
    val items: Flow<List<TimelineItem>> = listed(raw::items, ItemStream::next, ItemStream::stop) {
        splice(it.at, it.removed, it.inserted)
    }

    /** Widens the window by older items; false if there are none, or it is as wide as it gets. */
    suspend fun loadOlder(count: Int = 50): Boolean = raw.loadOlder(count)

    /** Moves the window's end by newer items; false at the end, which it follows from then on. */
    suspend fun loadNewer(count: Int = 50): Boolean = raw.loadNewer(count)

    /** Everything up to this item was seen. */
    suspend fun markRead(upTo: ItemId) = raw.markRead(upTo)
}
