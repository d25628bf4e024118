package pli.app.session

import android.content.Context
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow

enum class Appearance { SYSTEM, LIGHT, DARK }

/** What a person chose on this phone. */
data class Choices(
    val appearance: Appearance = Appearance.SYSTEM,
    /** A language's tag; empty: as the phone. */
    val language: String = "",
    val notifications: Boolean = true,
    /** Name and text in notifications. */
    val content: Boolean = false,
    /** A lasting connection while the app is not on the screen. */
    val background: Boolean = false,
    val screenshots: Boolean = false,
)

/** Keeps them, in the app's own folder. */
class Settings(context: Context) {
    private val kept = context.getSharedPreferences("settings", Context.MODE_PRIVATE)
    private val state = MutableStateFlow(read())
    val choices: StateFlow<Choices> = state.asStateFlow()

    fun change(change: (Choices) -> Choices) {
        val next = change(state.value)
        state.value = next
        kept.edit()
            .putString("appearance", next.appearance.name)
            .putString("language", next.language)
            .putBoolean("notifications", next.notifications)
            .putBoolean("content", next.content)
            .putBoolean("background", next.background)
            .putBoolean("screenshots", next.screenshots)
            .apply()
    }

    /** Whether the person was asked to let Pli tell of messages: once, and the platform asks no more than twice. */
    var asked: Boolean
        get() = kept.getBoolean("asked", false)
        set(value) = kept.edit().putBoolean("asked", value).apply()

    private fun read() = Choices().let { first ->
        Choices(
            Appearance.entries.find { it.name == kept.getString("appearance", null) } ?: first.appearance,
            kept.getString("language", null) ?: first.language,
            kept.getBoolean("notifications", first.notifications),
            kept.getBoolean("content", first.content),
            kept.getBoolean("background", first.background),
            kept.getBoolean("screenshots", first.screenshots),
        )
    }
}
