package pli.app.screens.welcome

import androidx.compose.runtime.Immutable
import pli.app.ui.Sentence

@Immutable
data class WelcomeState(
    val link: String = "",
    val joining: Boolean = false,
    /** Why the last try failed; the link stays. */
    val problem: Sentence? = null,
)
