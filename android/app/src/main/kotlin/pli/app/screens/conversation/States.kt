package pli.app.screens.conversation

import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.runtime.Composable
import androidx.compose.ui.Modifier
import androidx.compose.ui.tooling.preview.Preview
import pli.ItemId
import pli.app.R
import pli.app.gallery.Picture
import pli.app.gallery.Samples
import pli.app.session.Connection
import pli.app.ui.AppTheme
import pli.app.ui.Face
import pli.app.ui.count
import pli.app.ui.day
import pli.app.ui.say
import pli.app.ui.verbatim

private val all = setOf(Act.REPLY, Act.COPY, Act.REACT)

private fun said(
    number: Int, by: Int?, text: String, hour: Int, minute: Int,
    joins: Joins = Joins(named = by != null, faced = by != null), emoji: Boolean = false, more: (Row.Bubble) -> Row.Bubble = { it },
): Row.Bubble {
    val person = Samples.people[by ?: 0]
    return more(
        Row.Bubble(
            ItemId("entry-$number"), person.name, person.face, person.id, by == null,
            Body.Text(text, emoji), Samples.at(hour, minute), joins, delivery = Delivery.Sent.takeIf { by == null },
            can = if (by == null) all + Act.EDIT + Act.DELETE else all,
        ),
    )
}

private val today = Row.Day(Samples.at(9, 0).day())

/** A talk, the oldest first. */
private val talk = listOf(
    today,
    Row.Note(ItemId("n1"), say(R.string.change_you_added, "Fatima Benali")),
    said(1, 1, "Bonjour à tous. Le niveau à Gien était de 3,10 m à 8 h.", 9, 2, Joins(below = true, named = true)),
    said(2, 1, "La levée tient.", 9, 3, Joins(above = true, faced = true)) { it.copy(reactions = listOf(Reactions("👍", 4, true), Reactions("🙏", 1, false))) },
    said(3, null, "Merci Bruno. Qui est sur place cet après-midi ?", 9, 14),
    Row.UnreadLine,
    said(4, 2, "J’y suis jusqu’à 17 h avec deux agents, puis la relève.", 9, 20) {
        it.copy(quote = Quoted(ItemId("entry-3"), "Anne Martin", "Merci Bruno. Qui est sur place cet après-midi ?"))
    },
    said(5, null, "Parfait.", 9, 21) { it.copy(edited = true) },
    said(6, 5, "", 9, 30) { it.copy(body = Body.Words(say(R.string.conversation_deleted)), can = emptySet()) },
)

private val long = listOf(
    today,
    said(
        1, 1,
        "Compte rendu de la réunion de ce matin.\n\n1. Les travaux de la rue de Bourgogne commencent le 3 ; la circulation est déviée par la rue Jeanne-d’Arc.\n" +
            "2. Le marché de la passerelle est infructueux, nous relançons avec deux lots.\n3. Voir https://exemple.fr/un/chemin/assez/long/pour/devoir/etre/coupe?et=encore pour les plans.\n\n" +
            "Merci de me signaler toute erreur avant ce soir.",
        10, 5,
    ),
    said(2, null, "Anticonstitutionnellement".repeat(4), 10, 8),
    said(3, null, "Bien reçu", 10, 9, Joins(above = true)),
)

private val rtl = listOf(
    today,
    said(1, 7, "صباح الخير، هل الاجتماع في الساعة العاشرة؟", 9, 2),
    said(2, null, "نعم، في القاعة الكبيرة.", 9, 4),
    said(3, 7, "Parfait, شكرا", 9, 5),
)

private val thousand = List(1_000) { index -> said(index, (index % 3).takeIf { it > 0 }, "Message ${index + 1}", 8 + index / 120, index / 2 % 60) }

private fun pair(rows: List<Row>) = ConversationState(
    Samples.conversation(1), "Bruno Petit", Samples.people[1].face, verbatim("Service de l’urbanisme"), Samples.people[1].id, rows.reversed(),
)

private fun group(rows: List<Row>) = ConversationState(
    Samples.conversation(2), "Crue de la Loire", Face("CL", 6, true), count(R.plurals.conversation_members, 14, 14), null, rows.reversed(),
)

private fun List<Row>.unnamed() = map { if (it is Row.Bubble) it.copy(joins = it.joins.copy(named = false, faced = false)) else it }

val conversationStates = listOf(
    of("empty", pair(emptyList())),
    of("talk", group(talk)),
    of("long_text", pair(long.unnamed())),
    of("emoji_only", pair(listOf(today, said(1, 1, "🎉🎉", 9, 2, Joins(), emoji = true), said(2, null, "👏", 9, 3, Joins(), emoji = true)))),
    of("right_to_left", group(rtl)),
    of("thousand", group(listOf<Row>(today) + thousand).copy(fresh = 12, atEnd = false)),
    of(
        "queued",
        pair((talk.filter { it !is Row.Note && it !is Row.UnreadLine } + said(9, null, "Je pars du tunnel, à tout de suite", 9, 40) { it.copy(delivery = Delivery.Waiting) }).unnamed())
            .copy(connection = Connection.Unreachable),
    ),
    of(
        "refused",
        group(
            talk.dropLast(1) + said(9, null, "Suis-je encore là ?", 9, 40) {
                it.copy(delivery = Delivery.Refused(say(R.string.conversation_refused_not_a_member)), can = setOf(Act.COPY, Act.RETRY, Act.TAKE_BACK))
            },
        ),
    ),
    of("announcements", group(talk).copy(closed = say(R.string.conversation_announcements))),
    of("removed", group(talk).copy(closed = say(R.string.conversation_removed))),
    of("guest_present", group(talk).copy(guests = 1)),
    of("reply", group(talk).composing("Avec plaisir", Mode.Reply(ItemId("entry-4"), "Chloé Lefèvre-Dumoulin", verbatim("J’y suis jusqu’à 17 h avec deux agents, puis la relève.")))),
    of("edit", group(talk).composing("Parfait, merci à tous.", Mode.Edit(ItemId("entry-5"), "Parfait."))),
    of("too_long", pair(long.unnamed()).run { copy(composer = Composer("Un texte bien trop long. ".repeat(40), tooLong = true)) }),
    of("not_allowed", group(talk).copy(closed = say(R.string.conversation_announcements), problem = say(R.string.problem_not_allowed))),
    sheet("actions", false),
    sheet("another_emoji", true),
)

/** What a long press on a message brings. */
private fun sheet(name: String, typing: Boolean) = Picture("conversation", name) {
    Surface(Modifier.fillMaxSize(), color = MaterialTheme.colorScheme.surfaceContainerLow) {
        ActionList(said(5, null, "Parfait.", 9, 21), ConversationEvents(), {}, typing)
    }
}

private fun ConversationState.composing(text: String, mode: Mode) = copy(composer = Composer(text, mode = mode))

private fun of(name: String, state: ConversationState) = Picture("conversation", name) { ConversationView(state, ConversationEvents()) }

@Preview
@Composable
private fun Previews() = AppTheme { conversationStates[1].content() }
