package pli.app.screens.settings

import androidx.lifecycle.viewModelScope
import kotlinx.coroutines.launch
import pli.app.session.Appearance
import pli.app.session.Presenter
import pli.app.session.Session
import pli.app.session.Settings
import pli.app.ui.Sentence

class SettingsPresenter(session: Session, private val settings: Settings, version: String) :
    Presenter<SettingsState>(session, SettingsState(settings.choices.value, version = version)) {
    init {
        viewModelScope.launch { settings.choices.collect { choices -> show { it.copy(choices = choices) } } }
        work { client ->
            val used = client.storageUsed()
            show { it.copy(storage = used.toLong()) }
        }
    }

    override fun SettingsState.with(problem: Sentence?) = copy(problem = problem)

    fun appearance(appearance: Appearance) = settings.change { it.copy(appearance = appearance) }

    fun language(tag: String) = settings.change { it.copy(language = tag) }

    fun notifications(on: Boolean) = settings.change { it.copy(notifications = on) }

    fun content(shown: Boolean) = settings.change { it.copy(content = shown) }

    fun background(on: Boolean) = settings.change { it.copy(background = on) }

    fun screenshots(allowed: Boolean) = settings.change { it.copy(screenshots = allowed) }
}
