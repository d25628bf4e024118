package pli

import kotlinx.coroutines.flow.first
import pli.server.Server
import pli.server.soon
import pli.server.until

/** An organisation with a real server, and people with devices. */
class World : Server() {
    private val clients = ArrayList<Client>()

    fun clients(): List<Client> = clients

    /** Enrols a further device of a person. */
    suspend fun enrolDevice(person: Person, name: String): Client =
        keep(Client.join(place(name), keys(name), inviteDevice(person.id.text)))

    fun keys(name: String): KeyStore = FileKeyStore(place(name).path + ".key")

    /** Enrols a person, and waits until the device is online. */
    suspend fun enrol(name: String): Client = keep(Client.join(place(name), keys(name), invite(name)))

    suspend fun open(name: String): Client = keep(Client.open(place(name), keys(name)))

    private suspend fun keep(client: Client): Client {
        clients += client
        client.online()
        return client
    }

    override fun close() {
        clients.forEach { it.close() }
        super.close()
    }
}

suspend fun Client.online() = soon { state.first { it is ClientState.Online } }

/** The person of this name, once the directory shows them. */
suspend fun Client.find(name: String): Person = until { people(name).find { it.name == name } }

/** The conversation of this name, once it is in the list. */
suspend fun Client.named(name: String): Conversation =
    soon { conversation(conversations.first { all -> all.any { it.name == name } }.first { it.name == name }.id) }

/** The messages of a timeline, once `right` says so of them. */
suspend fun Conversation.messages(right: (List<Message>) -> Boolean): List<Message> =
    soon { timeline().items.first { right(it.messages()) }.messages() }

fun List<TimelineItem>.messages(): List<Message> = filterIsInstance<TimelineItem.Said>().map { it.message }

val Message.text: String? get() = (content as? Content.Text)?.body

/** Waits until this text is said. */
suspend fun Conversation.sees(text: String): Message =
    messages { all -> all.any { it.text == text } }.first { it.text == text }

suspend fun Conversation.done(entry: ItemId) {
    val end = soon { settled(entry) }
    check(end == DeliveryState.Sent) { "$end" }
}
