package pli.app

import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasScrollAction
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performScrollToIndex
import androidx.compose.ui.test.performSemanticsAction
import androidx.compose.ui.test.performTextReplacement
import androidx.compose.ui.test.performTouchInput
import androidx.compose.ui.test.swipeRight
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import pli.Content
import pli.app.screens.conversation.lastEmoji
import pli.server.until

class SayTest : OnPhones() {
    @Test fun a_reply_shows_what_it_answers() {
        val (anne, _, there) = talk()
        runBlocking { repeat(40) { there.send("Message $it") } }
        anne.sees("Message 39")
        anne.wait(hasScrollAction() and hasSetTextAction().not()).performScrollToIndex(40)
        anne.hold("Bonjour Anne")
        anne.tap(R.string.conversation_reply)
        anne.sees(R.string.conversation_replying, "Bruno Petit")
        anne.say("Bonjour Bruno")
        val said = there.sees("Bonjour Bruno")
        assertEquals("Bonjour Anne", said.replyTo?.text)
        // The quote goes to what it quotes.
        anne.await("the list did not go to its end") { anne.count(hasText("Message 39")) > 0 }
        anne.wait(hasText("Bonjour Anne") and hasText("Bruno Petit")).performClick()
        anne.await("the jump did not come") { anne.count(hasText("Message 0")) > 0 }
    }

    @Test fun a_swipe_answers() {
        val (anne) = talk()
        anne.wait(hasText("Bonjour Anne")).performTouchInput { swipeRight(startX = left + 10, endX = left + 400) }
        anne.sees(R.string.conversation_replying, "Bruno Petit")
        anne.tap(R.string.app_cancel)
        anne.gone(anne.string(R.string.conversation_replying, "Bruno Petit"))
    }

    @Test fun a_message_is_edited_and_deleted() {
        val (anne, _, there) = talk()
        anne.say("A demain")
        there.sees("A demain")
        anne.hold("A demain")
        anne.tap(R.string.conversation_edit)
        anne.sees(R.string.conversation_editing)
        anne.type("À demain")
        anne.tap(R.string.conversation_save)
        anne.sees("À demain")
        anne.sees(R.string.conversation_edited)
        assertTrue(there.sees("À demain").editedAt != null)
        anne.hold("À demain")
        anne.tap(R.string.conversation_delete)
        anne.sees(R.string.conversation_delete_sure)
        anne.choose(R.string.conversation_delete)
        anne.gone("À demain")
        anne.sees(R.string.conversation_deleted)
        there.messages { all -> all.any { it.content is Content.Deleted } }
    }

    @Test fun a_reaction_is_given_and_taken_back() {
        val (anne, _, there) = talk()
        anne.hold("Bonjour Anne")
        anne.tap(anne.string(R.string.conversation_react_with, "👍"))
        val words = anne.plural(R.plurals.conversation_reaction, 1, "👍", 1)
        anne.wait(hasContentDescription(words))
        val message = there.messages { all -> all.any { it.reactions.isNotEmpty() } }.first { it.reactions.isNotEmpty() }
        assertEquals("👍", message.reactions.single().emoji)
        runBlocking { there.react(message.id, "👍") }
        val two = anne.plural(R.plurals.conversation_reaction, 2, "👍", 2)
        anne.wait(hasContentDescription(two)).performClick()
        anne.wait(hasContentDescription(words))
        there.messages { all -> all.any { it.reactions.singleOrNull()?.people?.size == 1 } }
    }

    @Test fun any_emoji_can_be_a_reaction() {
        val (anne, _, there) = talk()
        anne.hold("Bonjour Anne")
        anne.tap(R.string.conversation_react_other)
        anne.sees(R.string.conversation_react_how)
        val field = hasSetTextAction() and hasText(anne.string(R.string.conversation_react_other))
        anne.wait(field).performTextReplacement("ok 2")
        anne.sees(R.string.conversation_react_no_emoji)
        anne.wait(field).performTextReplacement("ok 👩🏽‍🚒")
        anne.wait(hasContentDescription(anne.plural(R.plurals.conversation_reaction, 1, "👩🏽‍🚒", 1)))
        assertEquals(0, anne.count(field))
        val message = there.messages { all -> all.any { it.reactions.isNotEmpty() } }.first { it.reactions.isNotEmpty() }
        assertEquals("👩🏽‍🚒", message.reactions.single().emoji)
        for ((typed, emoji) in listOf("1️⃣" to "1️⃣", "🇫🇷" to "🇫🇷", "❤️" to "❤️", "é" to null, "#" to null, "" to null)) assertEquals(emoji, lastEmoji(typed))
    }

    @Test fun a_reply_stays_in_its_conversation() {
        val (anne) = talk()
        val chloe = world.enrol("Chloé Roux")
        runBlocking { chloe.pair(chloe.find("Anne Martin").id).send("Bonsoir Anne") }
        anne.hold("Bonjour Anne")
        anne.tap(R.string.conversation_reply)
        anne.type("À moitié")
        anne.back()
        anne.tap("Chloé Roux")
        anne.sees("Bonsoir Anne")
        anne.await("the field is not empty") { anne.count(hasSetTextAction() and hasText("À moitié")) == 0 }
        assertEquals(0, anne.count(hasText(anne.string(R.string.conversation_replying, "Bruno Petit"))))
        anne.back()
        anne.tap("Bruno Petit")
        anne.sees(R.string.conversation_replying, "Bruno Petit")
        anne.wait(hasSetTextAction() and hasText("À moitié"))
    }

    @Test fun a_draft_is_kept() {
        val (anne) = talk()
        anne.type("Je voulais dire")
        anne.back()
        anne.sees(anne.string(R.string.conversations_draft, "Je voulais dire"))
        anne.tap("Bruno Petit")
        anne.wait(hasSetTextAction() and hasText("Je voulais dire"))
        anne.type("Je voulais dire que")
        // The process goes at once, as when the phone needs room; the system keeps what an activity keeps.
        anne.scenario.recreate()
        anne.wait(hasSetTextAction() and hasText("Je voulais dire que"))
        runBlocking { until { anne.client.conversationList().find { it.draft == "Je voulais dire que" } } }
    }

    @Test fun too_long_a_text_is_told_and_kept() {
        val (anne) = talk()
        val long = "trop long ".repeat(6_600)
        anne.type(long)
        anne.sees(R.string.conversation_too_long)
        assertEquals(0, anne.count(hasContentDescription(anne.string(R.string.conversation_send))))
        anne.wait(hasSetTextAction() and hasText(long))
        anne.scenario.recreate()
        anne.wait(hasSetTextAction() and hasText(long))
        anne.type("court")
        anne.gone(R.string.conversation_too_long)
        anne.tap(R.string.conversation_send)
        anne.sees("court")
    }

    @Test fun unread_messages_are_counted_and_marked() {
        val (anne, _, there) = talk()
        anne.back()
        anne.sees(R.string.conversations_title)
        runBlocking { repeat(3) { there.send("Message $it") } }
        anne.wait(hasContentDescription(anne.plural(R.plurals.conversations_unread, 3, 3)) or hasText("3"))
        anne.tap("Bruno Petit")
        anne.sees(R.string.conversation_unread_line)
        anne.sees("Message 2")
        anne.back()
        anne.sees(R.string.conversations_title)
        runBlocking { until { anne.client.conversationList().find { it.unread == 0 } } }
        anne.await("it is still counted") { anne.count(hasText("3")) == 0 }
        anne.tap("Bruno Petit")
        anne.sees("Message 2")
        assertEquals(0, anne.count(hasText(anne.string(R.string.conversation_unread_line))))
    }

    @Test fun a_long_conversation_is_read_to_its_beginning() {
        val (anne, _, there) = talk()
        runBlocking { repeat(260) { there.send("Message $it") } }
        anne.sees("Message 259")
        val list = hasScrollAction() and hasSetTextAction().not()
        val seen = LinkedHashSet<String>()
        var rounds = 0
        while ("Message 0" !in seen) {
            check(rounds++ < 200) { "got no further than ${seen.lastOrNull()}" }
            // As they stand, from the top.
            val now = anne.standing("Message ")
            assertEquals("twice on the screen", now.size, now.toSet().size)
            assertEquals("out of order", now.sortedBy { it.substringAfter(' ').toInt() }, now)
            seen += now
            // Towards the older, by less than what is on the screen.
            anne.wait(list).performSemanticsAction(SemanticsActions.ScrollBy) { it(0f, 800f) }
        }
        assertEquals(260, seen.size)
    }
}
