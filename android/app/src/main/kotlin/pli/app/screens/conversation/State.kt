package pli.app.screens.conversation

import androidx.compose.runtime.Immutable
import java.time.Instant
import java.time.LocalDate
import pli.ConversationId
import pli.ItemId
import pli.PersonId
import pli.app.session.Connection
import pli.app.ui.Face
import pli.app.ui.Sentence

@Immutable
data class ConversationState(
    val id: ConversationId,
    val name: String = "",
    val face: Face? = null,
    val about: Sentence? = null,
    /** The other one of a pair. */
    val other: PersonId? = null,
    /** The newest first; absent until the store answered. */
    val rows: List<Row>? = null,
    val guests: Int = 0,
    val connection: Connection = Connection.Fine,
    /** What keeps this device from following, beside the composer or in its place. */
    val standing: Sentence? = null,
    val composer: Composer = Composer(),
    /** Why nothing can be written here; the composer is not there then. */
    val closed: Sentence? = null,
    /** Whether the newest row is the conversation's newest. */
    val atEnd: Boolean = true,
    /** Messages of others that came below what is looked at. */
    val fresh: Int = 0,
    /** Where to go, each once. */
    val target: Target? = null,
    /** Where the list was left, if not at its end. */
    val stand: Stand? = null,
    val problem: Sentence? = null,
)

/** The lowest message or change on the screen, and how far below the foot it reaches. */
@Immutable
data class Stand(val key: String, val offset: Int)

/** A row to show; another number is another jump to it. */
@Immutable
data class Target(val key: String, val number: Int, val marked: Boolean) {
    companion object {
        /** No row's key: the end of the conversation. */
        const val END = "end"
    }
}

@Immutable
data class Composer(
    val text: String = "",
    /** Changes when the text was changed by other hands than the person's: the field takes it over. */
    val revision: Int = 0,
    val mode: Mode = Mode.New,
    val tooLong: Boolean = false,
) {
    val sendable get() = text.isNotBlank() && !tooLong
}

sealed interface Mode {
    data object New : Mode

    @Immutable
    data class Reply(val to: ItemId, val name: String, val text: Sentence) : Mode

    @Immutable
    data class Edit(val message: ItemId, val text: String) : Mode
}

sealed interface Row {
    val key: String

    @Immutable
    data class Day(val date: LocalDate) : Row {
        override val key get() = "day $date"
    }

    data object UnreadLine : Row {
        override val key get() = "unread"
    }

    /** A change, in plain words. */
    @Immutable
    data class Note(val id: ItemId, val sentence: Sentence, val waiting: Boolean = false, val refused: Sentence? = null, val warning: Boolean = false) : Row {
        override val key get() = id.text
    }

    @Immutable
    data class Bubble(
        val id: ItemId,
        val name: String,
        val face: Face,
        val sender: PersonId,
        val mine: Boolean,
        val body: Body,
        val at: Instant,
        val joins: Joins = Joins(),
        val quote: Quoted? = null,
        val edited: Boolean = false,
        val delivery: Delivery? = null,
        val reactions: List<Reactions> = emptyList(),
        val can: Set<Act> = emptySet(),
    ) : Row {
        override val key get() = id.text
    }
}

/** How a bubble stands to those of its author beside it. */
@Immutable
data class Joins(val above: Boolean = false, val below: Boolean = false, val named: Boolean = false, val faced: Boolean = false)

sealed interface Body {
    @Immutable
    data class Text(val text: String, val emojiOnly: Boolean = false) : Body

    /** There is no text: deleted, of a newer version, unreadable. */
    @Immutable
    data class Words(val sentence: Sentence) : Body
}

@Immutable
data class Quoted(val id: ItemId, val name: String?, val text: String)

@Immutable
data class Reactions(val emoji: String, val count: Int, val mine: Boolean)

sealed interface Delivery {
    data object Waiting : Delivery
    data object Sent : Delivery

    @Immutable
    data class Refused(val why: Sentence) : Delivery
}

enum class Act { REPLY, COPY, REACT, EDIT, DELETE, RETRY, TAKE_BACK }
