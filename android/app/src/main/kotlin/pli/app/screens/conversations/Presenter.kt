package pli.app.screens.conversations

import java.time.Duration
import java.time.Instant
import pli.Client
import pli.ConversationId
import pli.ConversationInfo
import pli.ConversationKind
import pli.Warning
import pli.app.R
import pli.app.session.Presenter
import pli.app.session.Session
import pli.app.session.connection
import pli.app.ui.Face
import pli.app.ui.Sentence
import pli.app.ui.line
import pli.app.ui.say

class ConversationsPresenter(session: Session, private val opened: (ConversationId) -> Unit) :
    Presenter<ConversationsState>(session, ConversationsState()) {
    init {
        follow(Client::conversations) { list -> show { it.copy(rows = list.map(::row)) } }
        follow(Client::warnings) { warnings ->
            val (old, wrong) = warnings.any { it is Warning.RevocationsOld } to warnings.any { it is Warning.ClockWrong }
            show { it.copy(revocationsOld = old, clockWrong = wrong) }
        }
        follow({ it.connection() }) { connection -> show { it.copy(connection = connection) } }
    }

    override fun ConversationsState.with(problem: Sentence?) = copy(problem = problem)

    fun open(id: ConversationId) = opened(id)

    fun mute(id: ConversationId) = work { it.conversation(id).mute(Instant.now() + FOR_EVER) }

    fun unmute(id: ConversationId) = work { it.conversation(id).mute(null) }

    private companion object {
        val FOR_EVER: Duration = Duration.ofDays(36_500)
    }
}

fun row(info: ConversationInfo): ConversationRow {
    val last = info.last
    val line = when {
        info.draft.isNotEmpty() -> say(R.string.conversations_draft, info.draft.replace('\n', ' '))
        last == null -> info.topic.ifEmpty { null }?.let { Sentence(0, listOf(it)) } ?: say(R.string.conversations_nothing_said)
        last.mine -> say(R.string.conversations_said_by_you, last.line())
        info.kind == ConversationKind.GROUP -> say(R.string.conversations_said_by, last.sender.name, last.line())
        else -> last.line()
    }
    return ConversationRow(
        info.id,
        info.name,
        Face(info.initials, info.colour, info.kind == ConversationKind.GROUP),
        line,
        info.activeAt.takeIf { it > Instant.EPOCH },
        info.unread,
        info.mutedUntil.let { it != null && it > Instant.now() },
        info.draft.isNotEmpty(),
    )
}
