package pli.app

import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.lifecycle.Lifecycle
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test
import pli.ClientState
import pli.app.ui.text
import pli.server.soon

class NetworkTest : OnPhones() {
    @Test fun what_is_said_offline_is_queued_and_goes() {
        val (anne, _, there) = talk()
        world.kill()
        val waiting = hasContentDescription(anne.string(R.string.conversation_waiting))
        anne.say("Un")
        anne.say("Deux")
        anne.say("Trois")
        anne.await("not three clocks") { anne.count(waiting) == 3 }
        world.start()
        anne.await("the clocks stay") { anne.count(waiting) == 0 }
        val mine = there.messages { all -> all.count { !it.mine } == 3 }.filter { !it.mine }
        assertEquals(listOf("Un", "Deux", "Trois"), mine.map { it.text })
    }

    @Test fun the_server_goes_and_comes_back() {
        val (anne, _, there) = talk()
        world.kill()
        anne.sees(R.string.conversations_unreachable)
        anne.back()
        anne.sees(R.string.conversations_title)
        anne.sees(R.string.conversations_unreachable)
        world.start()
        anne.gone(R.string.conversations_unreachable)
        runBlocking { there.send("Me revoilà") }
        anne.sees("Me revoilà")
        anne.tap("Bruno Petit")
        anne.wait(hasSetTextAction())
        anne.say("Nous revoilà")
        there.sees("Nous revoilà")
    }

    @Test fun a_refused_message_is_told_and_taken_back() {
        val anne = phoneOf("Anne Martin")
        val bruno = world.enrol("Bruno Petit")
        val group = runBlocking {
            bruno.createGroup("Astreinte", listOf(bruno.find("Anne Martin").id))
        }
        anne.tap("Astreinte")
        anne.wait(hasSetTextAction())
        world.kill()
        anne.say("Encore là")
        // The phone is let go while the other takes Anne out; she learns of it with what she said still waiting.
        anne.client.suspend()
        world.start()
        runBlocking { soon { group.settled(group.remove(listOf(bruno.find("Anne Martin").id))) } }
        anne.client.resume()
        anne.sees(R.string.conversation_refused_not_a_member)
        anne.sees(R.string.conversation_removed)
        anne.tap(R.string.conversation_take_back)
        anne.gone("Encore là")
    }

    @Test fun suspended_in_the_background_and_back() {
        val (anne, _, there) = talk()
        anne.type("À moitié")
        anne.scenario.moveToState(Lifecycle.State.CREATED)
        runBlocking { soon { anne.client.state.first { it is ClientState.Suspended } } }
        // Let go: another process may have it.
        runBlocking { there.send("Pendant ce temps") }
        anne.scenario.moveToState(Lifecycle.State.RESUMED)
        anne.sees("Pendant ce temps")
        anne.wait(hasSetTextAction() and hasText("À moitié"))
        anne.tap(R.string.conversation_send)
        there.sees("À moitié")
    }
}
