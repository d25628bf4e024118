package pli.app.screens.welcome

import androidx.compose.runtime.Composable
import androidx.compose.ui.tooling.preview.Preview
import pli.app.R
import pli.app.gallery.Picture
import pli.app.ui.AppTheme
import pli.app.ui.say

private const val LINK = "pli://messagerie.exemple.fr:7743/aL8sX2kQm0vT4uYb9cRz1eWn7pHf5gJd3"

val welcomeStates = listOf(
    of("first_start", WelcomeState()),
    of("joining", WelcomeState(LINK, joining = true)),
    of("bad_link", WelcomeState("https://exemple.fr/invitation", problem = say(R.string.welcome_bad_link))),
    of("used", WelcomeState(LINK, problem = say(R.string.welcome_used))),
    of("expired", WelcomeState(LINK, problem = say(R.string.welcome_expired))),
    of("no_network", WelcomeState(LINK, problem = say(R.string.welcome_no_network))),
    of("wrong_organisation", WelcomeState(LINK, problem = say(R.string.welcome_wrong_organisation))),
)

private fun of(name: String, state: WelcomeState) = Picture("welcome", name) { WelcomeView(state, {}, {}) { Scanning({}, {}) } }

@Preview
@Composable
private fun Previews() = AppTheme { welcomeStates.first().content() }
