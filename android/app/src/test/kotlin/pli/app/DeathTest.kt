package pli.app

import java.io.File
import java.lang.management.ManagementFactory
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test
import pli.Client
import pli.Conversation
import pli.app.ui.text
import pli.server.PATIENCE_MS
import pli.server.soon

/** The phone ends the process and starts another: a real one each, with the real disk between them. See [Lives]. */
class DeathTest : OnPhones() {
    /** Such a process. */
    private inner class Life(private val name: String, link: String = "") : AutoCloseable {
        private val process: Process
        private val said = LinkedBlockingQueue<String>()

        init {
            val java = File(System.getProperty("java.home"), "bin/java").path
            val own = listOf("-XX:TieredStopAtLevel=1", "-Dpli.disk=${world.place("disk").apply { mkdirs() }}", "-Dpli.link=$link")
            val main = listOf("-cp", System.getProperty("java.class.path"), Lives::class.java.name, name)
            process = ProcessBuilder(listOf(java) + ManagementFactory.getRuntimeMXBean().inputArguments + own + main).redirectErrorStream(true).start()
            Thread {
                // What is killed leaves no end to read.
                runCatching { process.inputStream.bufferedReader().forEachLine(said::add) }
                said.add(ENDED)
            }.apply { isDaemon = true }.start()
        }

        /** Waits until it says so. */
        fun says(word: String) {
            val heard = StringBuilder()
            while (true) {
                val line = said.poll(PATIENCE_MS * 4, TimeUnit.MILLISECONDS)
                if (line == "LIFE $word") return
                if (line == null || line == ENDED) throw AssertionError("“$name” never said “$word”; it said:\n$heard")
                heard.appendLine(line)
            }
        }

        fun tell(word: String) = process.outputStream.run {
            write("$word\n".toByteArray())
            flush()
        }

        /** As the phone does it: nothing is said to the process. */
        fun kill() = assertEquals("ended otherwise", 128 + 9, process.destroyForcibly().waitFor())

        fun ends() {
            tell("end")
            assertEquals(said.joinToString("\n"), 0, process.waitFor())
        }

        override fun close() {
            process.destroyForcibly().waitFor()
        }
    }

    private fun Life.joins(bruno: Client): Conversation {
        says("joined")
        val there = runBlocking {
            bruno.createGroup("Crue de la Loire", listOf(bruno.find("Anne Martin").id)).also { group -> repeat(90) { group.settled(group.send("Message $it")) } }
        }
        tell("said")
        says("reading")
        world.kill()
        tell("offline")
        return there
    }

    /** A process that has come so far, and is no more. */
    private fun killed(name: String, at: String, bruno: Client) = Life(name, world.invite("Anne Martin")).use { life ->
        life.joins(bruno).also {
            life.says(at)
            life.kill()
        }
    }

    /** The server comes back. Nobody waits for the end of a long pause: as on a phone, somebody says that there is a network again. */
    private fun back(bruno: Client) {
        world.start()
        bruno.networkChanged()
    }

    private fun Life.goesOn(bruno: Client, there: Conversation) {
        says("restored")
        back(bruno)
        tell("online")
        says("done")
        val mine = there.messages { all -> all.count { !it.mine } >= 2 }.filter { !it.mine }
        assertEquals(listOf("Dit sans réseau", "À moitié dit"), mine.map { it.text })
        ends()
    }

    @Test fun a_process_killed_behind_loses_nothing() {
        val bruno = world.enrol("Bruno Petit")
        val there = killed("behind", "behind", bruno)
        Life("again").use { it.goesOn(bruno, there) }
        assertEquals("Message 12", there.sees("À moitié dit").replyTo?.text)
    }

    @Test fun a_process_killed_in_front_loses_nothing() {
        val bruno = world.enrol("Bruno Petit")
        val there = killed("infront", "typed", bruno)
        Life("anew").use { it.goesOn(bruno, there) }
    }

    @Test fun the_timer_wakes_a_process_that_was_gone() {
        val bruno = world.enrol("Bruno Petit")
        Life("gone", world.invite("Anne Martin")).use { life ->
            life.says("joined")
            life.ends()
        }
        val there = runBlocking { bruno.pair(bruno.find("Anne Martin").id).also { soon { it.settled(it.send("Pendant la nuit")) } } }
        Life("woken").use { life ->
            life.says("told")
            world.kill()
            life.tell("offline")
            life.says("tried")
            back(bruno)
            runBlocking { soon { there.settled(there.send("Au matin")) } }
            life.tell("online")
            life.says("done")
            life.ends()
        }
    }

    private companion object {
        const val ENDED = "(ended)"
    }
}
