package pli.app.gallery

import java.time.Instant
import java.time.LocalDate
import java.time.LocalTime
import java.time.ZoneId
import pli.ConversationId
import pli.PersonId
import pli.app.screens.newconversation.PersonRow
import pli.app.ui.Face

/** People of an administration that there is not, for pictures. */
object Samples {
    val people: List<PersonRow> = listOf(
        person(1, "Anne Martin", "Direction des routes"),
        person(2, "Bruno Petit", "Service de l’urbanisme"),
        person(3, "Chloé Lefèvre-Dumoulin", "Secrétariat général, pôle juridique et commande publique"),
        person(4, "Dariusz Wójcik", "Direction des routes"),
        person(5, "Émile Roux", null),
        person(6, "Fatima Benali", "Préfecture, cabinet"),
        person(7, "Léa Ôzgür", "Service départemental d’incendie"),
        person(8, "نور الدين", "قسم التخطيط"),
    )

    fun person(number: Int, name: String, department: String?, guest: Boolean = false) = PersonRow(
        PersonId("person-$number"),
        name,
        department,
        Face(name.split(' ').let { words -> (words.first().take(1) + words.last().take(1)).uppercase() }, number * 5 % 12),
        guest,
    )

    fun conversation(number: Int) = ConversationId("conversation-$number")

    /** A time of today or of days before. */
    fun at(hour: Int, minute: Int, daysAgo: Long = 0): Instant =
        LocalDate.now().minusDays(daysAgo).atTime(LocalTime.of(hour, minute)).atZone(ZoneId.systemDefault()).toInstant()
}
