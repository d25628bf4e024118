package pli.app.screens.newconversation

import androidx.lifecycle.SavedStateHandle
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.flatMapLatest
import kotlinx.coroutines.flow.map
import pli.Client
import pli.ConversationId
import pli.Person
import pli.PersonId
import pli.PliException
import pli.app.session.Connection
import pli.app.session.Presenter
import pli.app.session.Session
import pli.app.session.connection
import pli.app.ui.Sentence
import pli.app.ui.face

/** People chosen for a new conversation, or to come into the group [to]. */
class NewConversationPresenter(
    session: Session,
    private val saved: SavedStateHandle,
    private val to: ConversationId?,
    private val done: (ConversationId) -> Unit,
) : Presenter<NewConversationState>(session, NewConversationState(query = saved[QUERY] ?: "", name = saved[NAME] ?: "")) {
    private val query = MutableStateFlow(current.query)

    init {
        follow({ searches(it) }) { (client, query, found) -> found(client, query, found) }
        follow({ it.connection() }) { connection -> show { it.copy(unreachable = connection == Connection.Unreachable) } }
        val kept = saved.get<ArrayList<String>>(CHOSEN).orEmpty()
        work { client ->
            val people = client.people().associateBy { it.id.text }
            if (current.chosen.isEmpty()) show { it.copy(chosen = kept.mapNotNull(people::get).map(::row)) }
            to?.let { id ->
                val name = client.conversation(id).currentInfo().name
                show { it.copy(to = name) }
            }
        }
    }

    override fun NewConversationState.with(problem: Sentence?) = copy(problem = problem)

    /** What is found by the newest query, now and after every change of the directory. */
    @OptIn(ExperimentalCoroutinesApi::class)
    private fun searches(client: Client) =
        query.flatMapLatest { query -> client.directory(query).map { Triple(client, query, it) } }

    private suspend fun found(client: Client, query: String, found: List<Person>) = try {
        val without = HashSet<PersonId>().apply { add(client.me().id) }
        to?.let { id -> client.conversation(id).memberList().mapTo(without) { it.person.id } }
        fun others(all: List<Person>) = all.filter { it.id !in without && !it.departed }
        val people = others(found)
        val alone = people.isEmpty() && others(client.people()).isEmpty()
        show { if (it.query == query) it.copy(people = people.map(::row), alone = alone) else it }
    } catch (problem: PliException) {
        failed(problem)
    }

    fun queryChanged(query: String) {
        saved[QUERY] = query
        show { it.copy(query = query) }
        this.query.value = query
    }

    /** Chooses a person, or no longer. */
    fun choose(person: PersonRow) {
        show { now ->
            val without = now.chosen.filter { it.id != person.id }
            now.copy(chosen = if (without.size < now.chosen.size) without else now.chosen + person)
        }
        saved[CHOSEN] = ArrayList(current.chosen.map { it.id.text })
        // What was searched was found: the next search begins anew.
        if (current.query.isNotEmpty() && current.chosen.any { it.id == person.id }) queryChanged("")
    }

    fun nameChanged(name: String) {
        saved[NAME] = name
        show { it.copy(name = name) }
    }

    fun start() {
        val now = current
        if (!now.startable) return
        val people = now.chosen.map { it.id }
        work { client ->
            val conversation = when {
                to != null -> client.conversation(to).also { it.add(people) }
                people.size == 1 -> client.pair(people.single())
                else -> client.createGroup(now.name.trim(), people)
            }
            kotlinx.coroutines.withContext(kotlinx.coroutines.Dispatchers.Main) { done(conversation.id) }
        }
    }

    private companion object {
        const val QUERY = "query"
        const val NAME = "name"
        const val CHOSEN = "chosen"
    }
}

private fun row(person: Person) = PersonRow(person.id, person.name, person.department?.ifEmpty { null }, person.face, person.guestUntil != null)
