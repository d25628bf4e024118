package pli.app

import android.database.sqlite.SQLiteDatabase
import java.io.File
import java.nio.file.Files
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import pli.Client
import pli.ClientState
import pli.Conversation
import pli.FileKeyStore
import pli.Message
import pli.Person
import pli.PersonId
import pli.TimelineItem
import pli.app.ui.text

/** Nothing in a test takes that long, on a busy machine too. */
const val PATIENCE_MS = 20_000L

/** An organisation with a real server, a process of its own. */
class World : AutoCloseable {
    private val folder: File = Files.createTempDirectory("pli").toFile()
    private val data = File(folder, "server")
    private var server: Process? = null
    private var address = "127.0.0.1:0"

    init {
        start()
    }

    /** Starts the server, where it was if it was started before. */
    fun start() {
        val serve = listOf(PROGRAM, "serve", "--data", data.path, "--listen", address, "--json")
        val process = ProcessBuilder(serve).redirectError(ProcessBuilder.Redirect.DISCARD).start()
        server = process
        val lines = process.inputStream.bufferedReader()
        val listening = checkNotNull(lines.readLine()) { "the server does not start" }
        address = checkNotNull(Regex("\"address\":\"([^\"]+)\"").find(listening)).groupValues[1]
        // So that it never waits for a reader.
        Thread { runCatching { lines.forEachLine { } } }.apply { isDaemon = true }.start()
    }

    /** Kills the server: nothing is said to anybody. */
    fun kill() {
        server?.destroyForcibly()?.waitFor()
        server = null
    }

    /** Runs the program; what it printed. */
    fun pli(vararg arguments: String): String {
        val process = ProcessBuilder(listOf(PROGRAM) + arguments).redirectErrorStream(true).start()
        val text = process.inputStream.bufferedReader().readText().trim()
        check(process.waitFor(PATIENCE_MS, TimeUnit.MILLISECONDS) && process.exitValue() == 0) { text }
        return text
    }

    fun invite(name: String, vararg more: String): String = pli("invite", "--data", data.path, "--name", name, *more)

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
    fun inviteDevice(of: PersonId): String = pli("invite", "--data", data.path, "--device-of", of.text).lines().last()

    fun place(name: String) = File(folder, name)

    private val clients = ArrayList<Client>()

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
        kill()
        folder.deleteRecursively()
    }

    companion object {
        val PROGRAM: String = System.getProperty("pli.program")
    }
}

suspend fun <T> soon(work: suspend () -> T): T = withTimeout(PATIENCE_MS) { work() }

/** Asks until there is an answer. */
suspend fun <T : Any> until(ask: suspend () -> T?): T = soon {
    var answer = ask()
    while (answer == null) {
        delay(20)
        answer = ask()
    }
    answer
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
