package pli.app

import android.database.sqlite.SQLiteDatabase
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import pli.Client
import pli.ClientState
import pli.Conversation
import pli.FileKeyStore
import pli.Message
import pli.Person
import pli.PersonId
import pli.TimelineItem
import pli.app.ui.text
import pli.server.Server
import pli.server.soon
import pli.server.until

/** An organisation with a real server. */
class World : Server() {
    private val clients = ArrayList<Client>()

    /** Their time passes for all invitations that were not used: the server is stopped meanwhile, and its book says so. */
    fun expire() {
        kill()
        val book = checkNotNull(data.walk().single { it.extension == "db" })
        SQLiteDatabase.openDatabase(book.path, null, SQLiteDatabase.OPEN_READWRITE).use { database ->
            val changed = database.compileStatement("UPDATE invitations SET expires_ms = ? WHERE device IS NULL").use { statement ->
                statement.bindLong(1, System.currentTimeMillis() - 1)
                statement.executeUpdateDelete()
            }
            check(changed > 0) { "there was none" }
        }
        start()
    }

    /** An invitation for a further device of a person's. */
    fun inviteDevice(of: PersonId): String = inviteDevice(of.text)

    /** A person without a screen, online. */
    fun enrol(name: String, vararg more: String): Client = join(name, invite(name, *more))

    fun join(name: String, link: String): Client = runBlocking {
        val client = Client.join(place(name), FileKeyStore(place(name).path + ".key"), link)
        clients += client
        soon { client.state.first { it is ClientState.Online } }
        client
    }

    override fun close() {
        clients.forEach { it.close() }
        super.close()
    }
}

/** The person of this name, once the directory shows them. */
fun Client.find(name: String): Person = runBlocking { until { people(name).find { it.name == name } } }

/** The conversation of this name, once it is in the list. */
fun Client.named(name: String): Conversation =
    runBlocking { conversation(until { conversationList().find { it.name == name } }.id) }

/** The messages, once `right` says so of them. */
fun Conversation.messages(right: (List<Message>) -> Boolean): List<Message> = runBlocking {
    soon { timeline().items.first { right(it.messages()) }.messages() }
}

fun Conversation.sees(text: String): Message = messages { all -> all.any { it.text == text } }.first { it.text == text }

private fun List<TimelineItem>.messages(): List<Message> = filterIsInstance<TimelineItem.Said>().map { it.message }
