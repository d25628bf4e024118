package pli.app.screens.conversations

import androidx.compose.runtime.Immutable
import java.time.Instant
import pli.ConversationId
import pli.app.session.Connection
import pli.app.ui.Face
import pli.app.ui.Sentence

@Immutable
data class ConversationsState(
    /** Absent until the store answered: a list is not called empty before. */
    val rows: List<ConversationRow>? = null,
    val connection: Connection = Connection.Fine,
    /** The server has not said for days who is revoked. */
    val revocationsOld: Boolean = false,
    val clockWrong: Boolean = false,
    val problem: Sentence? = null,
)

@Immutable
data class ConversationRow(
    val id: ConversationId,
    val name: String,
    val face: Face,
    val line: Sentence,
    val at: Instant?,
    val unread: Int = 0,
    val muted: Boolean = false,
    val draft: Boolean = false,
)
