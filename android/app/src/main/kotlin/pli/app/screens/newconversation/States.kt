package pli.app.screens.newconversation

import androidx.compose.runtime.Composable
import androidx.compose.ui.tooling.preview.Preview
import pli.app.gallery.Picture
import pli.app.gallery.Samples
import pli.app.ui.AppTheme

private val people = Samples.people.drop(1)

val newConversationStates = listOf(
    of("people", NewConversationState(people = people)),
    of("one_chosen", NewConversationState(people = people, chosen = people.take(1))),
    of("several_chosen", NewConversationState(people = people, chosen = people.take(3), name = "Passerelle")),
    of("no_result", NewConversationState(query = "Zoé", people = emptyList())),
    of("unreachable", NewConversationState(people = people, unreachable = true)),
)

private fun of(name: String, state: NewConversationState) = Picture("new_conversation", name) { NewConversationView(state, NewConversationEvents()) }

@Preview
@Composable
private fun Previews() = AppTheme { newConversationStates[2].content() }
