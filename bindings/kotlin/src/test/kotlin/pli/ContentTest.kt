package pli

import java.time.Duration
import java.time.Instant
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import pli.server.soon

class ContentTest {
    @Test
    fun a_group_takes_people_in_and_out() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao, chloe) = listOf("Anne", "Bảo", "Chloé").map { world.enrol(it) }
            val crue = anne.createGroup("Crue", listOf(anne.find("Bảo").id))
            soon { crue.members.first { it.size == 2 } }
            val here = bao.named("Crue")
            crue.done(crue.send("before"))
            here.sees("before")
            crue.done(crue.add(listOf(anne.find("Chloé").id)))
            val there = chloe.named("Crue")
            crue.done(crue.send("to three"))
            there.sees("to three")
            assertTrue(there.items().messages().none { it.text == "before" })
            assertEquals(listOf("Anne", "Bảo", "Chloé"), crue.memberList().map { it.person.name }.sorted())
            crue.done(crue.remove(listOf(anne.find("Bảo").id)))
            soon { here.info.first { it.membership == Membership.REMOVED } }
            crue.done(crue.send("without Bảo"))
            there.sees("without Bảo")
            assertTrue(here.items().messages().none { it.text == "without Bảo" })
            assertEquals(Advice.ASK, assertFailsWith<PliException.NotAllowed> { here.send("still there") }.advice())
            there.leave()
            soon { crue.members.first { it.size == 1 } }
        }
    }

    @Test
    fun roles_say_who_may() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val crue = anne.createGroup("Crue", listOf(anne.find("Bảo").id))
            val here = bao.named("Crue")
            assertEquals(Role.OWNER, crue.currentInfo().myRole)
            assertEquals(Role.MEMBER, here.currentInfo().myRole)
            assertFalse(Permission.RENAME in here.currentInfo().may)
            assertFailsWith<PliException.NotAllowed> { here.rename("Digue") }
            assertFailsWith<PliException.NotAllowed> { here.remove(listOf(bao.find("Anne").id)) }
            crue.done(crue.setLeastRole(Permission.POST, Role.ADMIN))
            soon { here.info.first { Permission.POST !in it.may } }
            assertFailsWith<PliException.NotAllowed> { here.send("may I?") }
            crue.done(crue.setRole(anne.find("Bảo").id, Role.ADMIN))
            val info = soon { here.info.first { it.myRole == Role.ADMIN } }
            assertTrue(Permission.RENAME in info.may && Permission.POST in info.may)
            here.done(here.rename("Digue"))
            soon { crue.info.first { it.name == "Digue" } }
            assertFailsWith<PliException.Invalid> { crue.setLeastRole(Permission.REMOVE, Role.MEMBER) }
        }
    }

    @Test
    fun every_kind_of_content_shows() = runBlocking<Unit> {
        World().use { world ->
            val (anne, bao) = world.enrol("Anne") to world.enrol("Bảo")
            val them = anne.find("Bảo").id
            val crue = anne.createGroup("Crue", listOf(them))
            val here = bao.named("Crue")
            val before = Instant.now().minusSeconds(60)
            val first = crue.send("Pompe 3 à l'arrêt 🌊", mentions = listOf(them))
            val seen = here.sees("Pompe 3 à l'arrêt 🌊")
            assertEquals(listOf(them), (seen.content as Content.Text).mentions)
            assertTrue(seen.sentAt.isAfter(before) && !seen.mine && seen.delivery == null)
            assertEquals(1, soon { here.info.first { it.unread == 1 } }.unread)
            here.timeline().markRead(first)
            assertEquals(0, here.currentInfo().unread)
            here.react(first, "👍")
            val reacted = crue.messages { all -> all.any { it.reactions.isNotEmpty() } }.first { it.id == first }
            assertEquals(listOf(Reaction("👍", listOf(them))), reacted.reactions)
            here.react(first, null)
            crue.messages { all -> all.any { it.id == first && it.reactions.isEmpty() } }
            crue.edit(first, "Pompe 4 à l'arrêt")
            assertTrue(here.sees("Pompe 4 à l'arrêt").editedAt != null)
            here.send("Reçu", replyTo = first)
            assertEquals(first, crue.sees("Reçu").replyTo?.entry)
            crue.delete(first)
            val gone = here.messages { all -> all.any { it.content is Content.Deleted } }.first { it.id == first }
            assertEquals(anne.me().id, (gone.content as Content.Deleted).by)
            crue.done(crue.setTopic("Vidourle"))
            crue.done(crue.setLifetime(Duration.ofDays(7)))
            crue.done(crue.rename("Décrue"))
            val info = soon { here.info.first { it.name == "Décrue" } }
            assertEquals("Vidourle", info.topic)
            assertEquals(Duration.ofDays(7), info.lifetime)
            val changes = here.items().filterIsInstance<TimelineItem.Changed>().map { it.change.what }
            assertTrue(What.Renamed("Décrue") in changes && What.TopicSet("Vidourle") in changes, "$changes")
            here.setDraft("à suivre")
            here.mute(Instant.parse("2100-01-01T00:00:00Z"))
            assertEquals("à suivre", here.currentInfo().draft)
            assertEquals(Instant.parse("2100-01-01T00:00:00Z"), here.currentInfo().mutedUntil)
            here.mute(null)
            assertNull(here.currentInfo().mutedUntil)
            val empty = assertFailsWith<PliException.Invalid> { crue.send("  ") }
            assertEquals(Subject.TEXT to Advice.ASK, empty.what to empty.advice())
            assertFailsWith<PliException.NotFound> { crue.react(ItemId("00".repeat(16)), "👍") }
        }
    }
}
