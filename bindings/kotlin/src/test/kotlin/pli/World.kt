package pli

import java.io.File
import java.nio.file.Files
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.withTimeout

/** Nothing in a test takes that long, on a busy machine too. */
const val PATIENCE_MS = 60_000L

/** An organisation with a real server, a process of its own, and people with devices. */
class World : AutoCloseable {
    private val folder: File = Files.createTempDirectory("pli").toFile()
    private val data = File(folder, "server")
    private val clients = ArrayList<Client>()

    fun clients(): List<Client> = clients
    private var server: Process? = null
    var address = "127.0.0.1:0"
        private set

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

    /** Runs the program; its exit code and what it printed. */
    fun pli(vararg arguments: String): Pair<Int, String> {
        val process = ProcessBuilder(listOf(PROGRAM) + arguments).redirectErrorStream(true).start()
        val text = process.inputStream.bufferedReader().readText()
        check(process.waitFor(PATIENCE_MS, TimeUnit.MILLISECONDS))
        return process.exitValue() to text.trim()
    }

    fun invite(name: String): String {
        val (code, link) = pli("invite", "--data", data.path, "--name", name)
        check(code == 0) { link }
        return link
    }

    /** Enrols a further device of a person. */
    suspend fun enrolDevice(person: Person, name: String): Client {
        val (code, link) = pli("invite", "--data", data.path, "--device-of", person.id.text)
        check(code == 0) { link }
        return keep(Client.join(place(name), keys(name), link))
    }

    fun place(name: String) = File(folder, name)

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
        kill()
        folder.deleteRecursively()
    }

    companion object {
        val PROGRAM: String = System.getProperty("pli.program")
    }
}

suspend fun <T> soon(work: suspend () -> T): T = withTimeout(PATIENCE_MS) { work() }

suspend fun Client.online() = soon { state.first { it is ClientState.Online } }

/** The person of this name, once the directory shows them. */
suspend fun Client.find(name: String): Person = until { people(name).find { it.name == name } }

/** The conversation of this name, once it is in the list. */
suspend fun Client.named(name: String): Conversation =
    soon { conversation(conversations.first { all -> all.any { it.name == name } }.first { it.name == name }.id) }

/** Asks until there is an answer. */
suspend fun <T : Any> until(ask: suspend () -> T?): T = soon {
    var answer = ask()
    while (answer == null) {
        kotlinx.coroutines.delay(20)
        answer = ask()
    }
    answer
}

/** The messages of a timeline, once `right` says so of them. */
suspend fun Conversation.messages(right: (List<Message>) -> Boolean): List<Message> =
    soon { timeline().items.first { right(it.messages()) }.messages() }

fun List<TimelineItem>.messages(): List<Message> = filterIsInstance<TimelineItem.Said>().map { it.message }

val Message.text: String? get() = (content as? Content.Text)?.body

/** Waits until this text is said. */
suspend fun Conversation.sees(text: String): Message =
    messages { all -> all.any { it.text == text } }.first { it.text == text }

suspend fun Conversation.done(entry: EntryId) {
    val end = soon { settled(entry) }
    check(end == DeliveryState.Sent) { "$end" }
}
