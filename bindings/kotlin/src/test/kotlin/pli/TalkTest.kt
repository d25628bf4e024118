package pli

import java.time.Duration
import java.time.Instant
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import pli.server.soon
import pli.server.until

class TalkTest {
    @Test
    fun a_person_joins_opens_and_finds_others() = runBlocking<Unit> {
        World().use { world ->
            val none = assertFailsWith<PliException.NotEnrolled> { Client.open(world.place("Anne"), world.keys("Anne")) }
            assertEquals(Advice.RE_ENROL, none.advice())
            val link = world.invite("Anne")
            Client.join(world.place("Anne"), world.keys("Anne"), link).use { anne ->
                anne.online()
                assertEquals("Anne", anne.me().name)
                assertFailsWith<PliException.StoreInUse> { Client.open(world.place("Anne"), world.keys("Anne")) }
            }
            assertFailsWith<PliException.AlreadyEnrolled> { Client.join(world.place("Anne"), world.keys("Anne"), link) }
            val used = assertFailsWith<PliException.InvitationRefused> {
                Client.join(world.place("Other"), world.keys("Other"), link)
            }
            assertEquals(InvitationProblem.USED, used.why)
            assertFailsWith<PliException.Invalid> { Client.join(world.place("X"), world.keys("X"), "no link") }
            world.open("Anne").use { anne ->
                world.enrol("Bảo")
                assertEquals("Bảo", anne.find("Bảo").name)
                assertEquals(anne.find("Bảo"), anne.people("bao").single())
                assertTrue(anne.organisation().isNotEmpty())
                assertEquals(true, anne.deviceList().single().`this`)
            }
        }
    }

    @Test
    fun two_people_talk_in_a_pair() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val there = anne.pair(anne.find("Bảo").id)
            val sent = there.send("Bonjour !")
            there.done(sent)
            val here = bao.named("Anne")
            val hello = here.sees("Bonjour !")
            assertEquals(sent, hello.id)
            assertEquals("Anne", hello.sender.name)
            here.send("Salut 🌊", replyTo = hello.id)
            assertEquals(sent, there.sees("Salut 🌊").replyTo?.entry)
            val number = anne.safetyNumber(anne.find("Bảo").id)
            assertEquals(number, bao.safetyNumber(bao.find("Anne").id))
            assertEquals(60, number.length)
            anne.verify(anne.find("Bảo").id)
            assertEquals(Verification.VERIFIED, anne.verification(anne.find("Bảo").id))
        }
    }

    @Test
    fun a_lost_phone_is_revoked() = runBlocking<Unit> {
        World().use { world ->
            val anne = world.enrol("Anne")
            val lost = world.enrolDevice(anne.me(), "Anne's lost phone")
            val listed = until { anne.deviceList().find { !it.`this` && it.seenOn != null } }
            assertEquals(emptyList(), soon { anne.warnings.first() })
            anne.revoke(listed.id)
            until { anne.deviceList().find { it.id == listed.id && it.revoked } }
            soon { lost.state.first { it == ClientState.Stopped(Advice.RE_ENROL) } }
            lost.close()
            Client.forget(world.place("Anne's lost phone"), world.keys("Anne's lost phone"))
            assertFailsWith<PliException.NotEnrolled> {
                Client.open(world.place("Anne's lost phone"), world.keys("Anne's lost phone"))
            }
            assertEquals(anne.me(), world.enrolDevice(anne.me(), "Anne's lost phone").me())
        }
    }

    @Test
    fun each_message_is_told_of_once() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val there = anne.pair(anne.find("Bảo").id)
            there.done(there.send("un"))
            val told = soon { bao.notices.first() }
            assertEquals("Anne" to "un", told.sender.name to told.preview)
            val here = bao.named("Anne")
            assertEquals(told.message, here.firstUnread())
            here.timeline().markRead(told.message)
            assertEquals(null, here.firstUnread())
            here.mute(Instant.now().plusSeconds(3600))
            there.done(there.send("deux"))
            here.sees("deux")
            assertEquals(emptyList(), bao.sync(Duration.ofSeconds(30)).notifications)
            here.mute(null)
            there.done(there.send("trois"))
            here.sees("trois")
            assertEquals(listOf("trois"), bao.sync(Duration.ofSeconds(30)).notifications.map { it.preview })
            assertEquals(emptyList(), bao.sync(Duration.ofSeconds(30)).notifications)
            assertTrue(bao.storageUsed() > 4096uL)
        }
    }
}
