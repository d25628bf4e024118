package pli.app.screens.conversation

import androidx.lifecycle.SavedStateHandle
import androidx.lifecycle.viewModelScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.filterNotNull
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flatMapLatest
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import pli.Client
import pli.ConversationId
import pli.ConversationInfo
import pli.ConversationKind
import pli.ItemId
import pli.Membership
import pli.Permission
import pli.Role
import pli.Timeline
import pli.TimelineItem
import pli.app.R
import pli.app.session.Presenter
import pli.app.session.Session
import pli.app.session.connection
import pli.app.ui.Face
import pli.app.ui.Sentence
import pli.app.ui.count
import pli.app.ui.say
import pli.app.ui.verbatim
import pli.id

@OptIn(ExperimentalCoroutinesApi::class)
class ConversationPresenter(
    session: Session,
    private val saved: SavedStateHandle,
    drafts: SavedStateHandle,
    private val id: ConversationId,
    at: ItemId? = null,
) : Presenter<ConversationState>(session, ConversationState(id)) {
    private val timeline = MutableStateFlow<Timeline?>(null)
    private val around = MutableStateFlow(Surroundings())
    private val paging = Mutex()
    private var items: List<TimelineItem> = emptyList()
    private var seen: Pair<ItemId, Long>? = null
    private var marking: Job? = null
    private val drafting = Drafting(session, viewModelScope, id, drafts, ::show)

    init {
        follow({ it.connection() }) { connection -> show { it.copy(connection = connection) } }
        follow({ it.conversation(id).info }, ::known)
        follow({ it.conversation(id).members }) { members ->
            around.update { it.copy(names = members.associate { member -> member.person.id to member.person.name }) }
        }
        work { begin(it, at) }
        viewModelScope.launch(Dispatchers.Default) {
            timeline.filterNotNull().flatMapLatest { it.items }.combine(around) { items, around -> items to around }.collect { (next, around) ->
                items = next
                show { it.copy(rows = rows(next, around), fresh = fresh(next)) }
            }
        }
    }

    override fun ConversationState.with(problem: Sentence?) = copy(problem = problem)

    /** Where the conversation is opened: where it was left, if the process ended since; at an entry, at the unread, or at its end. */
    private suspend fun begin(client: Client, at: ItemId?) {
        val conversation = client.conversation(id)
        val me = client.me().id
        val unread = conversation.firstUnread()
        around.update { it.copy(me = me, firstUnread = unread) }
        val stand = saved.get<ArrayList<String>>(STAND)?.let { (key, offset) -> Stand(key, offset.toInt()) }
        val place = stand?.let { ItemId(it.key) } ?: at ?: unread.takeIf { conversation.currentInfo().unread > NEAR }
        val key = at?.text ?: unread?.let { Row.UnreadLine.key }
        show { it.copy(atEnd = place == null, stand = stand, target = key?.takeIf { stand == null }?.let { Target(key, 1, marked = at != null) }) }
        timeline.value = conversation.timeline(place)
        drafting.begin(conversation.currentInfo().draft)
    }

    private fun known(next: ConversationInfo) {
        val pair = next.kind == ConversationKind.PAIR
        val closed = next.closed()
        around.update { it.copy(pair = pair, mayWrite = closed == null, admin = next.myRole >= Role.ADMIN) }
        show {
            it.copy(
                name = next.name,
                face = Face(next.initials, next.colour, !pair),
                other = next.peer,
                guests = if (pair) 0 else next.guestCount,
                about = if (pair) next.topic.ifEmpty { null }?.let(::verbatim) else count(R.plurals.conversation_members, next.memberCount, next.memberCount),
                closed = closed,
                standing = next.standing(),
            )
        }
    }

    private fun fresh(items: List<TimelineItem>): Int {
        val from = seen?.let { (last, _) -> items.indexOfLast { it.id == last } } ?: return 0
        return if (from < 0) 0 else items.drop(from + 1).count { it is TimelineItem.Said && !it.message.mine }
    }

    fun draftChanged(text: String) = drafting.changed(text)

    /** The screen goes: what was typed goes to the disk now. */
    fun left() = drafting.flush()

    fun send() {
        val composer = current.composer
        if (!composer.sendable) return
        val text = composer.text.trim()
        drafting.take()
        work { client ->
            val conversation = client.conversation(id)
            try {
                when (val mode = composer.mode) {
                    is Mode.New -> conversation.send(text)
                    is Mode.Reply -> conversation.send(text, mode.to)
                    is Mode.Edit -> if (text != mode.text) conversation.edit(mode.message, text)
                }
                drafting.sent()
            } catch (problem: pli.PliException) {
                // Nothing of what was written is lost.
                drafting.give(composer)
                throw problem
            }
            if (composer.mode !is Mode.Edit) newest()
        }
    }

    fun reply(message: ItemId) {
        val row = bubble(message) ?: return
        drafting.mode(Mode.Reply(message, row.name, row.quotable()))
    }

    fun edit(message: ItemId) {
        val text = (bubble(message)?.body as? Body.Text)?.text ?: return
        drafting.mode(Mode.Edit(message, text))
    }

    fun cancel() = drafting.mode(Mode.New)

    fun delete(message: ItemId) = work { it.conversation(id).delete(message) }

    fun react(message: ItemId, emoji: String) = work {
        val mine = bubble(message)?.reactions.orEmpty().any { reaction -> reaction.mine && reaction.emoji == emoji }
        it.conversation(id).react(message, emoji.takeIf { !mine })
    }

    fun retry(entry: ItemId) = work { it.conversation(id).retry(entry) }

    /** Goes to an entry, wherever in the conversation it is. */
    fun jump(entry: ItemId) = work { client ->
        if (items.none { it.id == entry }) {
            paging.withLock {
                val moved = client.conversation(id).timeline(entry)
                // Shown once it holds what was asked for.
                moved.items.first()
                timeline.value = moved
                show { it.copy(atEnd = false) }
            }
        }
        aim(entry.text, marked = true)
    }

    /** To the end. */
    fun newest() = work { client ->
        if (!current.atEnd) {
            timeline.value = client.conversation(id).timeline()
            show { it.copy(atEnd = true) }
        }
        aim(Target.END, marked = false)
    }

    private fun aim(key: String, marked: Boolean) = show { it.copy(target = Target(key, (it.target?.number ?: 0) + 1, marked)) }

    fun older() = work { client ->
        if (paging.isLocked) return@work
        paging.withLock {
            val now = timeline.value ?: return@work
            val oldest = items.firstOrNull()?.id ?: return@work
            if (!now.loadOlder(PAGE) && items.size >= WIDEST) {
                // As wide as it gets: a window further up.
                timeline.value = client.conversation(id).timeline(oldest)
                show { it.copy(atEnd = false) }
            }
        }
    }

    fun newer() = work {
        if (current.atEnd || paging.isLocked) return@work
        paging.withLock {
            val more = timeline.value?.loadNewer(PAGE) ?: return@work
            show { it.copy(atEnd = !more) }
        }
    }

    /** Everything up to this row was on the screen. */
    fun seen(key: String) {
        val at = items.indexOfFirst { it.id.text == key }
        if (at < 0) return
        val last = seen?.let { (last, _) -> items.indexOfFirst { it.id == last } } ?: -1
        if (at <= last) return
        seen = items[at].id to System.nanoTime()
        show { it.copy(fresh = fresh(items)) }
        val before = marking
        marking = work {
            before?.join()
            seen?.let { (upTo, _) -> timeline.value?.markRead(upTo) }
        }
    }

    /** The list came to rest there; null: at its end. */
    fun stands(stand: Stand?) {
        saved[STAND] = stand?.let { arrayListOf(it.key, it.offset.toString()) }
        show { it.copy(stand = stand) }
    }

    private fun bubble(message: ItemId) = current.rows?.firstOrNull { it.key == message.text } as? Row.Bubble

    override fun onCleared() = drafting.flush()

    private companion object {
        /** So many unread are within the newest page. */
        const val NEAR = 40
        const val PAGE = 50
        const val WIDEST = 1_000
        const val STAND = "stand"
    }
}

/** Why nothing can be written, or null. */
private fun ConversationInfo.closed(): Sentence? = when (membership) {
    Membership.REMOVED -> say(R.string.conversation_removed)
    Membership.LEFT -> say(R.string.conversation_left)
    Membership.BEHIND -> say(R.string.conversation_behind)
    Membership.DIVERGED -> say(R.string.conversation_diverged)
    else -> if (Permission.POST in may) null else say(R.string.conversation_announcements)
}

private fun ConversationInfo.standing(): Sentence? = when (membership) {
    Membership.RETURNING -> say(R.string.conversation_returning)
    Membership.ACCESS_LOST -> say(R.string.conversation_access_lost)
    else -> null
}
