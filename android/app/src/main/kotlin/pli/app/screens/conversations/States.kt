package pli.app.screens.conversations

import androidx.compose.runtime.Composable
import androidx.compose.ui.tooling.preview.Preview
import pli.app.R
import pli.app.gallery.Picture
import pli.app.gallery.Samples
import pli.app.session.Connection
import pli.app.ui.AppTheme
import pli.app.ui.Face
import pli.app.ui.Sentence
import pli.app.ui.say
import pli.app.ui.verbatim

private val five = listOf(
    row(1, "Crue de la Loire", say(R.string.conversations_said_by, "Anne Martin", "Le niveau monte à Gien : 3,42 m à 14 h, nous fermons la levée."), 14, 5, unread = 3),
    row(2, "Bruno Petit", say(R.string.conversations_said_by_you, "Merci, je regarde cet après-midi."), 11, 52, group = false),
    row(3, "Astreinte", say(R.string.conversations_draft, "Je prends la semaine du 12, sauf si"), 9, 18, draft = true),
    row(4, "Chloé Lefèvre-Dumoulin", verbatim("Le marché est notifié 🎉"), 17, 40, 1, unread = 128, muted = true, group = false),
    row(5, "Commission de sécurité de l’arrondissement d’Orléans", say(R.string.conversations_nothing_said), 8, 2, 12),
)

private fun row(
    number: Int, name: String, line: Sentence, hour: Int, minute: Int, days: Long = 0,
    unread: Int = 0, muted: Boolean = false, draft: Boolean = false, group: Boolean = true,
) = ConversationRow(
    Samples.conversation(number),
    name,
    Face(name.split(' ').let { it.first().take(1) + it.last().take(1) }.uppercase(), number * 7 % 12, group),
    line,
    Samples.at(hour, minute, days),
    unread,
    muted,
    draft,
)

private val many = List(500) { index ->
    val of = five[index % five.size]
    of.copy(id = Samples.conversation(index), name = "${of.name} ${index + 1}", face = of.face.copy(colour = index % 12), at = Samples.at(9, 30, index / 20L))
}

val conversationsStates = listOf(
    of("none", ConversationsState(emptyList())),
    of("five", ConversationsState(five)),
    of("many", ConversationsState(many)),
    of("unreachable", ConversationsState(five, Connection.Unreachable)),
    of("catching_up", ConversationsState(five, Connection.CatchingUp(1240))),
    of("revoked", ConversationsState(five, Connection.Revoked)),
)

private fun of(name: String, state: ConversationsState) = Picture("conversations", name) { ConversationsView(state, ConversationsEvents()) }

@Preview
@Composable
private fun Previews() = AppTheme { conversationsStates[1].content() }
