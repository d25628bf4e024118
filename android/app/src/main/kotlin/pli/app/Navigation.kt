package pli.app

import androidx.lifecycle.SavedStateHandle
import androidx.lifecycle.ViewModel
import androidx.lifecycle.ViewModelStore
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.map
import pli.ConversationId
import pli.ItemId
import pli.PersonId

/** Where one can be. */
sealed interface Place {
    data object Conversations : Place
    data class Conversation(val id: ConversationId, val at: ItemId? = null) : Place
    data object NewConversation : Place
    data class AddPeople(val to: ConversationId) : Place
    data class Group(val id: ConversationId) : Place
    data class Person(val id: PersonId) : Place
    data object Devices : Place
    data object Settings : Place
    data object Licences : Place

    /** Joining anew, in place of a device that is out. */
    data object Join : Place
}

/** A place in the back stack; the same place twice is two of them, and no number is ever given twice. */
data class Entry(val number: Int, val place: Place) {
    val key get() = "place-$number"
}

/** The back stack. It survives rotation and the end of the process, as do the presenters' own small things. */
class Navigator(internal val saved: SavedStateHandle) : ViewModel() {
    private val words: StateFlow<ArrayList<String>> = saved.getStateFlow(STACK, arrayListOf(write(Entry(0, Place.Conversations))))
    private val stores = HashMap<String, ViewModelStore>()

    val first: List<Entry> get() = words.value.map(::read)
    val stack = words.map { it.map(::read) }

    fun open(place: Place) {
        val now = first
        if (now.last().place == place) return
        keep(now + entry(place))
    }

    /** In place of all but the list: from a notification, from the list beside, or when a conversation was begun. */
    fun begin(place: Place) {
        val now = first
        if (now.size == 2 && now.last().place == place) return
        keep(listOf(now.first(), entry(place)))
    }

    fun back() {
        if (first.size > 1) keep(first.dropLast(1))
    }

    /** Back to the list: what was open, and what was being written, is of a device that is no more. */
    fun home() {
        keep(first.take(1))
        (saved.keys() - setOf(STACK, LINK, NUMBER)).forEach { saved.remove<Any>(it) }
    }

    private fun entry(place: Place): Entry {
        val number = (saved[NUMBER] ?: 0) + 1
        saved[NUMBER] = number
        return Entry(number, place)
    }

    /** Keeps the presenter of an entry as long as it is in the stack. */
    fun store(entry: Entry): ViewModelStore = stores.getOrPut(entry.key) { ViewModelStore() }

    /** An invitation that was tapped elsewhere. */
    val link: StateFlow<String> = saved.getStateFlow(LINK, "")

    fun link(link: String) {
        saved[LINK] = link
    }

    private fun keep(stack: List<Entry>) {
        saved[STACK] = ArrayList(stack.map(::write))
        val keys = stack.mapTo(HashSet()) { it.key }
        (stores.keys - keys).forEach { stores.remove(it)?.clear() }
    }

    override fun onCleared() = stores.values.forEach { it.clear() }

    private companion object {
        const val STACK = "stack"
        const val LINK = "link"
        const val NUMBER = "number"

        fun write(entry: Entry): String {
            val parts = when (val place = entry.place) {
                Place.Conversations -> listOf("conversations")
                is Place.Conversation -> listOfNotNull("conversation", place.id.text, place.at?.text)
                Place.NewConversation -> listOf("new")
                is Place.AddPeople -> listOf("add", place.to.text)
                is Place.Group -> listOf("group", place.id.text)
                is Place.Person -> listOf("person", place.id.text)
                Place.Devices -> listOf("devices")
                Place.Settings -> listOf("settings")
                Place.Licences -> listOf("licences")
                Place.Join -> listOf("join")
            }
            return (listOf(entry.number.toString()) + parts).joinToString(" ")
        }

        fun read(words: String): Entry {
            val parts = words.split(' ')
            fun id(at: Int = 2) = parts[at]
            val place = when (parts[1]) {
                "conversation" -> Place.Conversation(ConversationId(id()), parts.getOrNull(3)?.let(::ItemId))
                "new" -> Place.NewConversation
                "add" -> Place.AddPeople(ConversationId(id()))
                "group" -> Place.Group(ConversationId(id()))
                "person" -> Place.Person(PersonId(id()))
                "devices" -> Place.Devices
                "settings" -> Place.Settings
                "licences" -> Place.Licences
                "join" -> Place.Join
                else -> Place.Conversations
            }
            return Entry(parts[0].toInt(), place)
        }
    }
}
