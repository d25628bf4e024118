package pli

import java.io.File
import java.lang.ref.WeakReference
import java.time.Duration
import java.util.concurrent.Executors
import kotlin.random.Random
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import pli.server.soon
import pli.server.until

class LifeTest {
    @Test
    fun cancelling_leaves_a_consistent_state() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val alone = anne.createGroup("Alone", emptyList())
            val random = Random(7)
            world.enrol("Chloé").close()
            suspend fun wakeUp() = Client.wakeUp(world.place("Chloé"), world.keys("Chloé"), Duration.ofSeconds(1))
            val calls = listOf<suspend (Int) -> Unit>(
                { alone.send("$it") },
                { anne.people("x") },
                { anne.sync(Duration.ofSeconds(1)) },
                { anne.createGroup("group $it", emptyList()) },
                { alone.timeline().items.first { items -> items.size > 100_000 } },
                { anne.state.first { state -> state is ClientState.Suspended } },
                { alone.settled(alone.send("settled $it")) },
                { wakeUp() },
                { anne.revoke(DeviceId("00".repeat(16))) },
                { anne.devices.first { devices -> devices.isEmpty() } },
            )
            repeat(400) { number ->
                val call = launch {
                    try {
                        calls[number % calls.size](number)
                    } catch (_: PliException) {
                        // Nobody has such a device, and the wake-up before may not have let go yet.
                    }
                }
                delay(random.nextLong(4))
                call.cancel()
                call.join()
            }
            // What was accepted was accepted whole, and all of it arrives.
            alone.done(alone.send("the end"))
            val texts = alone.items(count = 1_000).messages().map { it.text }
            assertEquals(texts.distinct(), texts)
            assertTrue(anne.conversationList().all { it.name == "Alone" || it.name.startsWith("group ") })
            // Woken up and stopped, again and again: it is let go of.
            val woken = until {
                try {
                    Client.open(world.place("Chloé"), world.keys("Chloé"))
                } catch (_: PliException.StoreInUse) {
                    null
                }
            }
            woken.use { it.online() }
            // Joining, cancelled at any moment, may be repeated with the same invitation.
            val link = world.invite("Bảo")
            for (ms in listOf(0L, 2, 5, 10, 20, 40)) {
                // The one before may not have let go yet.
                try {
                    withTimeoutOrNull(ms) { Client.join(world.place("Bảo"), world.keys("Bảo"), link) }?.close()
                } catch (_: PliException.StoreInUse) {
                } catch (_: PliException.AlreadyEnrolled) {
                }
            }
            val joined = try {
                until {
                    try {
                        Client.join(world.place("Bảo"), world.keys("Bảo"), link)
                    } catch (_: PliException.StoreInUse) {
                        null
                    }
                }
            } catch (_: PliException.AlreadyEnrolled) {
                world.open("Bảo")
            }
            joined.use { it.online() }
        }
    }

    @Test
    fun calls_after_close_say_closed() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val alone = anne.createGroup("Alone", emptyList())
            val timeline = alone.timeline()
            val me = anne.me().id
            val streams = listOf(
                async { anne.state.toList() }, async { anne.conversations.toList() }, async { alone.members.toList() },
                async { timeline.items.toList() }, async { anne.messages.toList() }, async { alone.info.toList() },
                async { anne.notices.toList() }, async { anne.warnings.toList() }, async { anne.devices.toList() },
                async { anne.directory().toList() }, async { anne.personInfo(me).toList() },
            )
            delay(100)
            anne.close()
            soon { streams.awaitAll() }
            assertEquals(Advice.REOPEN, assertFailsWith<PliException.Closed> { alone.send("too late") }.advice())
            assertFailsWith<PliException.Closed> { anne.me() }
            assertFailsWith<PliException.Closed> { timeline.loadOlder() }
            assertFailsWith<PliException.Closed> { anne.resume() }
            assertEquals(emptyList(), soon { timeline.items.toList() })
            anne.close()
        }
    }

    @Test
    fun many_threads_call_at_once() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val alone = anne.createGroup("Alone", emptyList())
            val sent = Executors.newFixedThreadPool(16).asCoroutineDispatcher().use { threads ->
                (0 until 16).map { thread ->
                    async(threads) {
                        (0 until 20).map { alone.send("$thread/$it").also { anne.people(""); alone.memberList() } }
                    }
                }.awaitAll().flatten()
            }
            soon { sent.forEach { alone.settled(it) } }
            assertEquals(sent.toSet(), alone.items(count = 1_000).messages().map { it.id }.toSet())
            assertEquals(320, sent.toSet().size)
        }
    }

    @Test
    fun suspending_lets_go_and_resuming_goes_on() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val there = anne.pair(anne.find("Bảo").id)
            there.done(there.send("before"))
            val here = bao.named("Anne")
            val shown = async { here.sees("meanwhile") }
            val took = (0 until 5).map {
                val from = System.nanoTime()
                bao.suspend()
                val suspended = System.nanoTime()
                assertTrue(open(world.place("Bảo")).isEmpty(), "${open(world.place("Bảo"))}")
                assertFailsWith<PliException.Closed> { here.send("asleep") }
                assertEquals(ClientState.Suspended, bao.state.first())
                bao.resume()
                (suspended - from) / 1_000_000
            }
            assertTrue(took.sorted()[2] <= 100, "suspending took $took ms")
            assertTrue(connections(world.address) > 0)
            anne.suspend()
            bao.suspend()
            // Tasks of the transport drop the last sockets; another thread may be in the midst of one.
            until { if (connections(world.address) == 0) true else null }
            anne.resume()
            there.done(there.send("meanwhile"))
            bao.resume()
            bao.resume()
            shown.await()
            // Plain calls, in call order, from wherever they come.
            repeat(20) { bao.suspend(); bao.resume() }
            here.done(here.send("awake"))
        }
    }

    @Test
    fun a_wrong_key_is_told() = runBlocking<Unit> {
        World().use { world ->
            world.enrol("Anne").close()
            world.enrol("Bảo").close()
            val place = world.place("Anne")
            val wrong = assertFailsWith<PliException.KeyUnavailable> { Client.open(place, world.keys("Bảo")) }
            assertEquals(KeyProblem.WRONG to Advice.RE_ENROL, wrong.why to wrong.advice())
            val missing = assertFailsWith<PliException.KeyUnavailable> { Client.open(place, world.keys("nobody")) }
            assertEquals(KeyProblem.MISSING, missing.why)
            class Own(private val fault: Exception?) : KeyStore {
                private val file = world.keys("Anne")
                override fun load() = if (fault != null) throw fault else file.load()
                override fun save(secret: ByteArray) = file.save(secret)
                override fun erase() = file.erase()
            }
            val locked = assertFailsWith<PliException.KeyUnavailable> {
                Client.open(place, Own(PliException.KeyUnavailable(KeyProblem.LOCKED)))
            }
            assertEquals(KeyProblem.LOCKED to Advice.RETRY, locked.why to locked.advice())
            assertFailsWith<PliException.KeyUnavailable> { Client.open(place, Own(IllegalStateException("broken"))) }
            Client.open(place, Own(null)).use { it.online() }
        }
    }

    @Test
    fun the_server_goes_and_comes_back() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val there = anne.pair(anne.find("Bảo").id)
            there.done(there.send("online"))
            val here = bao.named("Anne")
            here.sees("online")
            world.kill()
            soon { anne.state.first { it is ClientState.Offline } }
            val offline = (0 until 5).map { there.send("offline $it") }
            val waiting = there.items().messages().last()
            assertEquals(DeliveryState.Waiting, waiting.delivery)
            assertFalse(anne.sync(Duration.ofMillis(50)).complete)
            there.delete(offline[0])
            world.start()
            anne.networkChanged()
            bao.networkChanged()
            offline.drop(1).forEach { there.done(it) }
            here.sees("offline 4")
            assertTrue(here.items().messages().none { it.text == "offline 0" })
            assertTrue(anne.sync(Duration.ofSeconds(30)).complete)
        }
    }

    @Test
    fun a_wake_up_brings_notifications() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val them = anne.find("Bảo").id
            val there = anne.pair(them)
            there.done(there.send("first"))
            bao.named("Anne").sees("first")
            suspend fun wakeUp() = Client.wakeUp(world.place("Bảo"), world.keys("Bảo"), Duration.ofSeconds(30))
            assertTrue(wakeUp().complete)
            bao.close()
            there.done(there.send("wake up", mentions = listOf(them)))
            val result = wakeUp()
            assertTrue(result.complete)
            val told = result.notifications.single()
            assertEquals(listOf("Anne", "wake up", true), listOf(told.sender.name, told.preview, told.mention))
            val again = world.open("Bảo")
            again.conversation(told.conversation).mute(java.time.Instant.now().plusSeconds(3600))
            again.close()
            there.done(there.send("not now"))
            val muted = wakeUp()
            assertEquals(listOf("not now") to 0, muted.received.map { it.text } to muted.notifications.size)
        }
    }

    @Test
    fun a_wake_up_fits_an_extension() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val crue = anne.createGroup("Crue", listOf(anne.find("Bảo").id))
            bao.named("Crue")
            bao.close()
            repeat(300) { crue.send("La Deûle monte de $it cm") }
            assertTrue(anne.sync(Duration.ofSeconds(60)).complete)
            System.gc()
            // Counts the most memory anew from here on.
            File("/proc/self/clear_refs").writeText("5")
            val before = resident()
            val result = Client.wakeUp(world.place("Bảo"), world.keys("Bảo"), Duration.ofSeconds(60))
            val grown = most() - before
            assertTrue(result.complete && result.notifications.size == 300)
            assertTrue(grown < 15L shl 20, "grew by ${grown shr 20} MiB")
        }
    }

    @Test
    fun two_processes_share_a_store() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val alone = anne.createGroup("Alone", emptyList())
            alone.done(alone.send("here"))
            val (code, _) = world.pli("--profile", world.place("Anne").path, "conversations")
            assertEquals(5, code)
            anne.suspend()
            val (sent, said) = world.pli("--profile", world.place("Anne").path, "send", "Alone", "from the other")
            assertEquals(0, sent, said)
            anne.resume()
            alone.sees("from the other")
            alone.done(alone.send("and here again"))
        }
    }

    @Test
    fun a_panic_inside_is_an_error() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val panic = assertFailsWith<PliException.Internal> { anne.raw.fail() }
            assertEquals(Advice.REOPEN, panic.advice())
            soon { anne.state.first { it == ClientState.Stopped(Advice.REOPEN) } }
            anne.close()
            world.open("Anne").use { it.createGroup("Alone", emptyList()).send("well again") }
        }
    }

    @Test
    fun the_log_names_nobody() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne-Cécile") to world.enrol("Barnabé")
            val pair = anne.pair(anne.find("Barnabé").id)
            pair.done(pair.send("xylophone"))
            bao.named("Anne-Cécile").sees("xylophone")
            world.kill()
            soon { anne.state.first { it is ClientState.Offline } }
            runCatching { anne.raw.fail() }
            val lines = Client.diagnostics()
            assertTrue(lines.isNotEmpty() && lines.size <= 1_000)
            for (secret in listOf("Anne", "Barnab", "xylophone", "127.0.0.1", pair.id.text, world.place("").path)) {
                assertTrue(lines.none { secret in it }, "$secret in ${lines.find { secret in it }}")
            }
        }
    }

    @Test
    fun ten_thousand_calls_leave_no_memory() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val alone = anne.createGroup("Alone", emptyList())
            alone.send("one")
            suspend fun rounds(count: Int) = repeat(count) {
                anne.people("anne")
                alone.items(count = 1)
                alone.timeline().items.first()
                val cancelled = launch { anne.sync(Duration.ofSeconds(9)) }
                cancelled.cancel()
                cancelled.join()
            }
            rounds(500)
            System.gc()
            val before = resident()
            rounds(2_500)
            System.gc()
            val grown = resident() - before
            assertTrue(grown < 24L shl 20, "grew by ${grown shr 20} MiB")
        }
    }

    @Test
    fun nothing_is_left_at_the_end() = runBlocking<Unit> {
        World().use { world ->
            val before = threads()
            repeat(5) { world.enrol("Anne $it").also { anne -> anne.createGroup("g", emptyList()).send("x") } }
            assertTrue(threads().size > before.size)
            world.clients().forEach { it.close() }
            until { Unit.takeIf { threads().size <= before.size } }
            assertTrue(open(world.place("")).isEmpty(), "${open(world.place(""))}")
            // A client that nobody holds is closed, and lets go of the key store.
            val keys = opened(world)
            until {
                System.gc()
                Unit.takeIf { keys.get() == null && threads().size <= before.size && open(world.place("")).isEmpty() }
            }
        }
    }

    /** Opens a device and lets it fall; its key store. */
    private suspend fun opened(world: World): WeakReference<KeyStore> {
        val file = world.keys("Anne 0")
        val keys = object : KeyStore by file {}
        Client.open(world.place("Anne 0"), keys).online()
        return WeakReference(keys)
    }

    /** How many connections this process has to an address of this machine. */
    private fun connections(address: String): Int {
        val port = ":%04X".format(address.substringAfterLast(':').toInt())
        val sockets = listOf("tcp", "tcp6").flatMap { File("/proc/self/net/$it").readLines().drop(1) }
            .map { it.trim().split(Regex(" +")) }.filter { it[2].endsWith(port) }.map { "socket:[${it[9]}]" }
        return File("/proc/self/fd").listFiles().orEmpty()
            .count { runCatching { java.nio.file.Files.readSymbolicLink(it.toPath()).toString() }.getOrNull() in sockets }
    }

    /** The most memory that this process used, in bytes. */
    private fun most(): Long =
        File("/proc/self/status").readLines().first { it.startsWith("VmHWM:") }.filter(Char::isDigit).toLong() shl 10

    /** Files in a folder that this process holds open. */
    private fun open(folder: File): List<String> =
        File("/proc/self/fd").listFiles().orEmpty()
            .mapNotNull { runCatching { it.toPath().let(java.nio.file.Files::readSymbolicLink).toString() }.getOrNull() }
            .filter { it.startsWith(folder.canonicalPath + "/") }

    /** Pli's own threads. */
    private fun threads(): List<String> =
        File("/proc/self/task").listFiles().orEmpty()
            .mapNotNull { runCatching { File(it, "comm").readText().trim() }.getOrNull() }
            .filter { it.startsWith("pli") }

    /** Bytes of memory that this process uses. */
    private fun resident(): Long = File("/proc/self/statm").readText().split(" ")[1].toLong() * 4096
}
