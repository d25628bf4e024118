package pli.app.screens.conversation

import androidx.lifecycle.SavedStateHandle
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import pli.Client
import pli.ConversationId
import pli.ItemId
import pli.PliException
import pli.Subject
import pli.app.session.Session
import pli.app.ui.Sentence

/**
 * What is being written: kept in the store while it is typed, so that it outlives the process. What is answered or edited, and
 * what the store would not take, is kept with the activity, each conversation's apart.
 */
class Drafting(
    private val session: Session,
    private val scope: CoroutineScope,
    private val id: ConversationId,
    private val saved: SavedStateHandle,
    private val show: ((ConversationState) -> ConversationState) -> Unit,
) {
    private var composer = Composer()

    /** What was written before an edit began: it is there again after it. */
    private var aside: String? = saved[key(ASIDE)]
    private var saving: Job? = null
    private var unsaved = false

    /** Takes up what was kept. What was typed while the store was asked stands. */
    @Synchronized
    fun begin(draft: String) {
        val mode = kept()
        val text = saved[key(TEXT)] ?: if (mode is Mode.Edit) mode.text else draft
        if (composer.text.isEmpty()) put(Composer(text, composer.revision + 1, mode)) else put(composer.copy(mode = mode))
    }

    @Synchronized
    fun changed(text: String) {
        if (text == composer.text) return
        put(composer.copy(text = text))
        if (composer.mode is Mode.Edit) {
            keep(TEXT, text)
            put(composer.copy(tooLong = text.toByteArray().size > limit))
        } else {
            unsaved = true
            save(PAUSE_MS)
        }
    }

    @Synchronized
    fun mode(mode: Mode) {
        val was = composer.mode
        val draft = if (was is Mode.Edit) aside.orEmpty() else composer.text
        aside = if (mode is Mode.Edit) draft else null
        val text = if (mode is Mode.Edit) mode.text else draft
        keep(ASIDE, aside)
        keep(TEXT, null)
        keep(mode)
        put(Composer(text, composer.revision + 1, mode))
    }

    /** It is being sent: the field is free at once. */
    @Synchronized
    fun take() {
        saving?.cancel()
        val draft = if (composer.mode is Mode.Edit) aside.orEmpty() else ""
        aside = null
        keep(ASIDE, null)
        keep(TEXT, null)
        keep(Mode.New)
        put(Composer(draft, composer.revision + 1))
    }

    /** It was sent, and the draft went with it in the core. What was typed since may have been kept before that. */
    @Synchronized
    fun sent() {
        unsaved = composer.text.isNotEmpty()
        flush()
    }

    /** It could not be sent: it is there again. */
    @Synchronized
    fun give(back: Composer) {
        keep(back.mode)
        put(back.copy(revision = composer.revision + 1))
    }

    @Synchronized
    fun flush() {
        if (unsaved) save(0)
    }

    /** In the session's time, not the screen's: it ends after the screen is gone. */
    private fun save(after: Long) {
        saving?.cancel()
        saving = if (after == 0L) session.leave(::saveNow) else scope.launch(Dispatchers.Default) {
            delay(after)
            saveNow(session.client())
        }
    }

    private suspend fun saveNow(client: Client) {
        val text = synchronized(this) { if (composer.mode is Mode.Edit) aside.orEmpty() else composer.text }
        val tooLong = !store(client, text)
        synchronized(this) {
            if (text == composer.text) {
                unsaved = false
                put(composer.copy(tooLong = tooLong))
            }
        }
    }

    /** False if it is longer than a message may be: then the screen keeps it. */
    private suspend fun store(client: Client, text: String): Boolean {
        val conversation = client.conversation(id)
        try {
            conversation.setDraft(text)
            keep(TEXT, null)
            return true
        } catch (problem: PliException.Invalid) {
            if (problem.what != Subject.TEXT) return true
            limit = problem.limit
            keep(TEXT, text.take(MOST))
            return false
        } catch (_: PliException) {
            // Suspended, or the disk is full: what is in the field stays there, and the next change tries again.
            return true
        }
    }

    private fun put(next: Composer) {
        composer = next
        show { it.copy(composer = next) }
    }

    private fun keep(mode: Mode) {
        val words = when (mode) {
            Mode.New -> null
            is Mode.Reply -> arrayListOf("reply", mode.to.text, mode.name, mode.text.arguments.firstOrNull() as? String ?: "")
            is Mode.Edit -> arrayListOf("edit", mode.message.text, mode.text)
        }
        keep(MODE, words)
    }

    private fun keep(what: String, value: Any?) {
        if (value == null) saved.remove<Any>(key(what)) else saved[key(what)] = value
    }

    private fun kept(): Mode {
        val parts = saved.get<ArrayList<String>>(key(MODE)) ?: return Mode.New
        return when (parts[0]) {
            "reply" -> Mode.Reply(ItemId(parts[1]), parts[2], Sentence(0, listOf(parts[3])))
            else -> Mode.Edit(ItemId(parts[1]), parts[2])
        }
    }

    private fun key(what: String) = "$what ${id.text}"

    private companion object {
        const val MODE = "mode"
        const val TEXT = "text"
        const val ASIDE = "aside"
        const val PAUSE_MS = 250L

        /** What the platform carries over the end of a process has its limits. */
        const val MOST = 100_000

        /** Learned from the core, with the first text that is too long. */
        @Volatile
        private var limit = Int.MAX_VALUE
    }
}
