package pli

import java.time.Duration
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.async
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import pli.server.soon
import pli.server.until

class StreamTest {
    @Test
    fun diffs_give_what_a_fresh_read_gives() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val crue = anne.createGroup("Crue", listOf(anne.find("Bảo").id))
            val here = bao.named("Crue")
            val timeline = here.timeline()
            var shown = emptyList<TimelineItem>()
            var listed = emptyList<ConversationInfo>()
            val items = launch { timeline.items.collect { shown = it } }
            val list = launch { bao.conversations.collect { listed = it } }
            repeat(200) { number ->
                val sent = crue.send("message $number")
                when (number % 5) {
                    0 -> crue.react(sent, "👍")
                    1 -> crue.edit(sent, "edited $number")
                    2 -> crue.delete(sent)
                    3 -> here.send("answer $number")
                }
            }
            crue.done(crue.send("the last"))
            until { shown.takeIf { all -> all.messages().any { it.text == "the last" } } }
            here.done(here.send("after it"))
            until { Unit.takeIf { shown == here.items(count = 50) } }
            assertTrue(timeline.loadOlder(950))
            until { Unit.takeIf { shown == here.items(count = 1_000) } }
            until { Unit.takeIf { listed == bao.conversationList() } }
            assertTrue(shown.size > 150)
            items.cancel()
            list.cancel()
        }
    }

    @Test
    fun a_timeline_grows_both_ways() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val alone = anne.createGroup("Alone", emptyList())
            val sent = (0 until 120).map { alone.send("$it") }
            alone.done(sent.last())
            val newest = alone.timeline()
            assertEquals(50, soon { newest.items.first { it.size >= 50 } }.size)
            assertTrue(newest.loadOlder(30))
            assertEquals(80, soon { newest.items.first { it.size != 50 } }.size)
            assertTrue(newest.loadOlder(1_000))
            val all = soon { newest.items.first { it.size >= 120 } }
            assertEquals(sent, all.messages().map { it.id })
            assertFalse(newest.loadOlder())
            val middle = alone.timeline(around = sent[60])
            val around = soon { middle.items.first { it.isNotEmpty() } }.map { it.id }
            assertTrue(sent[60] in around && sent[119] !in around && around.size == 50)
            assertTrue(middle.loadNewer(10))
            assertTrue(soon { middle.items.first { it.size == 60 } }.last().id == sent[95])
            assertFalse(middle.loadNewer(1_000))
            assertEquals(sent[119], soon { middle.items.first { it.last().id == sent[119] } }.last().id)
            val next = alone.send("followed")
            soon { middle.items.first { it.last().id == next } }
        }
    }

    @Test
    fun devices_and_people_are_followed() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            var found = emptyList<Person>()
            var seen: PersonInfo? = null
            var list = emptyList<DeviceInfo>()
            val looking = launch { anne.directory("ba").collect { found = it } }
            val bao = world.enrol("Bảo")
            val me = bao.me()
            until { Unit.takeIf { found == listOf(me) } }
            val pair = anne.pair(me.id)
            pair.done(pair.send("un"))
            bao.named("Anne").sees("un")
            val person = launch { anne.personInfo(me.id).collect { seen = it } }
            anne.verify(me.id)
            val verified = until { seen?.takeIf { it.verification == Verification.VERIFIED } }
            assertEquals(PersonInfo(me, false, 1, anne.safetyNumber(me.id), Verification.VERIFIED), verified)
            val devices = launch { bao.devices.collect { list = it } }
            world.enrolDevice(me, "Bảo 2")
            val second = until { list.find { !it.`this` && it.missingFrom == 1 } }
            until { seen?.takeIf { it.verification == Verification.CHANGED && it.deviceCount == 2 } }
            bao.approve(second.id, second.number)
            until { list.find { it.id == second.id && it.missingFrom == 0 } }
            bao.revoke(second.id)
            until { list.find { it.id == second.id && it.revoked } }
            until { seen?.takeIf { it.verification == Verification.VERIFIED } }
            until { Unit.takeIf { list == bao.deviceList() } }
            // They end with their client.
            anne.close()
            bao.close()
            soon { listOf(looking, person, devices).forEach { it.join() } }
        }
    }

    @Test
    fun a_slow_reader_gets_what_is() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val alone = anne.createGroup("Alone", emptyList())
            val seen = ArrayList<Int>()
            val said = CompletableDeferred<Unit>()
            val reader = async {
                alone.timeline().items.onEach { items ->
                    seen += items.size
                    if (seen.size == 1) said.await()
                }.first { items -> items.messages().any { it.text == "399" } }
            }
            until { seen.firstOrNull() }
            (0 until 400).forEach { alone.send("$it") }
            said.complete(Unit)
            assertEquals("399", soon { reader.await() }.messages().last().text)
            assertTrue(seen.size < 40, "$seen")
        }
    }

    @Test
    fun messages_start_where_the_last_run_stopped() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val pair = anne.pair(anne.find("Bảo").id)
            (0 until 4).forEach { pair.send("$it") }
            suspend fun next(client: Client, count: Int) = soon { client.messages.take(count).toList().map { it.text } }
            assertEquals(listOf("0", "1"), next(bao, 2))
            // The second was given, but the next never asked for.
            assertEquals(listOf("1", "2"), next(bao, 2))
            bao.close()
            assertEquals(listOf("2", "3"), next(world.open("Bảo"), 2))
        }
    }
}
