package pli.app.screens.person

import androidx.compose.runtime.Immutable
import java.time.LocalDate
import pli.Verification
import pli.app.ui.Face
import pli.app.ui.Sentence

@Immutable
data class PersonState(
    val name: String = "",
    val department: String? = null,
    val face: Face? = null,
    val me: Boolean = false,
    val departed: Boolean = false,
    val guestUntil: LocalDate? = null,
    /** How many phones of theirs are known; absent if there is none. */
    val devices: Int? = null,
    /** The safety number's 60 digits; absent if there is none yet. */
    val number: String? = null,
    val verification: Verification = Verification.NOT_VERIFIED,
    /** A scanned code was not theirs. */
    val differs: Boolean = false,
    val problem: Sentence? = null,
)
