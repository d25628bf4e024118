package pli.server

import java.io.File
import java.nio.file.Files
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeout

/** Nothing in a test takes that long, on a busy machine too. */
const val PATIENCE_MS = 60_000L

/** An organisation with a real server, a process of its own, for tests of the package and of the app. */
open class Server : AutoCloseable {
    private val folder: File = Files.createTempDirectory("pli").toFile()
    protected val data = File(folder, "server")
    private var process: Process? = null
    var address = "127.0.0.1:0"
        private set

    init {
        start()
    }

    /** Starts it, where it was if it was started before. */
    fun start() {
        val serve = listOf(PROGRAM, "serve", "--data", data.path, "--listen", address, "--json")
        val started = ProcessBuilder(serve).redirectError(ProcessBuilder.Redirect.DISCARD).start()
        process = started
        val lines = started.inputStream.bufferedReader()
        val listening = checkNotNull(lines.readLine()) { "the server does not start" }
        address = checkNotNull(Regex("\"address\":\"([^\"]+)\"").find(listening)).groupValues[1]
        // So that it never waits for a reader.
        Thread { runCatching { lines.forEachLine { } } }.apply { isDaemon = true }.start()
    }

    /** Kills it: nothing is said to anybody. */
    fun kill() {
        process?.destroyForcibly()?.waitFor()
        process = null
    }

    /** Runs the program; its exit code and what it printed. */
    fun pli(vararg arguments: String): Pair<Int, String> {
        val process = ProcessBuilder(listOf(PROGRAM) + arguments).redirectErrorStream(true).start()
        val text = process.inputStream.bufferedReader().readText()
        check(process.waitFor(PATIENCE_MS, TimeUnit.MILLISECONDS))
        return process.exitValue() to text.trim()
    }

    /** Runs the program, which must do what it is asked; what it printed. */
    fun run(vararg arguments: String): String {
        val (code, text) = pli(*arguments)
        check(code == 0) { text }
        return text
    }

    /** An invitation for a new person. */
    fun invite(name: String, vararg more: String): String = run("invite", "--data", data.path, "--name", name, *more)

    /** An invitation for a further device of a person's, by their id. */
    fun inviteDevice(of: String): String = run("invite", "--data", data.path, "--device-of", of).lines().last()

    /** Where a device may keep its store. */
    fun place(name: String) = File(folder, name)

    override fun close() {
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
