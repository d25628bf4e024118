package pli.app.screens.person

import androidx.compose.runtime.Composable
import androidx.compose.ui.tooling.preview.Preview
import java.time.LocalDate
import pli.Verification
import pli.app.gallery.Picture
import pli.app.gallery.Samples
import pli.app.screens.welcome.Scanning
import pli.app.ui.AppTheme

private val someone = Samples.people[2].run {
    PersonState(name, department, face, devices = 2, number = "271828182845904523536028747135266249775724709369995957496696")
}

val personStates = listOf(
    of("verified", someone.copy(verification = Verification.VERIFIED)),
    of("not_verified", someone.copy(guestUntil = LocalDate.now().plusDays(40))),
    of("changed", someone.copy(verification = Verification.CHANGED)),
)

private fun of(name: String, state: PersonState) = Picture("person", name) { PersonView(state, {}, {}) { Scanning({}, {}) } }

@Preview
@Composable
private fun Previews() = AppTheme { personStates[1].content() }
