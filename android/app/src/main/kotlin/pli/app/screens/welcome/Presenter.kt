package pli.app.screens.welcome

import androidx.lifecycle.SavedStateHandle
import androidx.lifecycle.viewModelScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.launch
import pli.PliException
import pli.app.R
import pli.app.session.Device
import pli.app.session.Presenter
import pli.app.session.Session
import pli.app.session.sentence
import pli.app.ui.Sentence
import pli.app.ui.say

class WelcomePresenter(
    session: Session,
    private val saved: SavedStateHandle,
    link: String,
    private val joined: () -> Unit,
) : Presenter<WelcomeState>(
    session,
    WelcomeState(link.ifEmpty { saved.get<String>(LINK).orEmpty() }, problem = (session.device.value as? Device.None)?.problem),
) {
    override fun WelcomeState.with(problem: Sentence?) = copy(problem = problem, joining = false)

    fun linkChanged(link: String) {
        saved[LINK] = link
        show { it.copy(link = link, problem = null) }
    }

    /** A picture was looked at, and has no code that can be read. */
    fun noCode() = show { it.copy(problem = say(R.string.welcome_no_code)) }

    fun join() {
        if (current.joining || current.link.isBlank()) return
        show { it.copy(joining = true, problem = null) }
        viewModelScope.launch(Dispatchers.Default) {
            try {
                session.join(current.link.trim())
                show { it.copy(joining = false) }
                joined()
            } catch (problem: PliException) {
                val unreachable = problem is PliException.Unavailable
                show { it.with(if (unreachable) say(R.string.welcome_no_network) else problem.sentence()) }
            }
        }
    }

    private companion object {
        const val LINK = "link"
    }
}
