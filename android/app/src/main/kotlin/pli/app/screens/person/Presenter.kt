package pli.app.screens.person

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import pli.ConversationId
import pli.PersonId
import pli.PersonInfo
import pli.app.session.Presenter
import pli.app.session.Session
import pli.app.ui.Sentence
import pli.app.ui.day
import pli.app.ui.face

class PersonPresenter(session: Session, private val id: PersonId, private val opened: (ConversationId) -> Unit) :
    Presenter<PersonState>(session, PersonState()) {
    init {
        follow({ it.personInfo(id) }, ::read)
    }

    override fun PersonState.with(problem: Sentence?) = copy(problem = problem)

    private fun read(info: PersonInfo) = show {
        it.copy(
            name = info.person.name,
            department = info.person.department?.ifEmpty { null },
            face = info.person.face,
            me = info.me,
            departed = info.person.departed,
            guestUntil = info.person.guestUntil?.day(),
            devices = info.deviceCount.takeIf { count -> count > 0 },
            number = info.safetyNumber,
            verification = info.verification,
        )
    }

    fun write() = work { client ->
        val conversation = client.pair(id)
        withContext(Dispatchers.Main) { opened(conversation.id) }
    }

    fun verify() = work { client ->
        client.verify(id)
        show { it.copy(differs = false) }
    }

    /** Their code was scanned: it is the same number, or somebody stands between. */
    fun scanned(code: String?) {
        val number = current.number ?: return
        if (code?.filter(Char::isDigit) == number.filter(Char::isDigit)) verify() else show { it.copy(differs = true) }
    }
}
