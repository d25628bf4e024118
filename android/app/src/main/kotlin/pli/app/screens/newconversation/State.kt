package pli.app.screens.newconversation

import androidx.compose.runtime.Immutable
import pli.PersonId
import pli.app.ui.Face
import pli.app.ui.Sentence

@Immutable
data class NewConversationState(
    /** The name of the group that people are added to; absent for a new conversation. */
    val to: String? = null,
    val query: String = "",
    /** Who is found; absent until the store answered. */
    val people: List<PersonRow>? = null,
    /** Whether anybody at all could be found. */
    val alone: Boolean = false,
    val chosen: List<PersonRow> = emptyList(),
    val name: String = "",
    val unreachable: Boolean = false,
    val problem: Sentence? = null,
) {
    val startable get() = chosen.isNotEmpty() && (to != null || chosen.size == 1 || name.isNotBlank())
}

@Immutable
data class PersonRow(val id: PersonId, val name: String, val department: String?, val face: Face, val guest: Boolean = false)
