package pli.app

import android.os.Looper
import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.performClick
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class ThreadTest : OnPhones() {
    /** Looks without pause at what the main thread does, and keeps the core's calls that it finds there. */
    private class Watch : AutoCloseable {
        val seen: MutableSet<String> = ConcurrentHashMap.newKeySet()

        @Volatile
        private var ended = false
        private val main = Looper.getMainLooper().thread
        private val watcher = Thread {
            while (!ended) {
                main.stackTrace.filter { it.className.startsWith("pli.internal.") }.forEach { seen += "${it.className}.${it.methodName}" }
            }
        }.apply { start() }

        override fun close() {
            ended = true
            watcher.join()
        }
    }

    @Test fun the_main_thread_asks_nothing_of_the_store() {
        val anne = phoneOf("Anne Martin")
        // What the test itself asks is asked elsewhere.
        runBlocking {
            async(Dispatchers.IO) {
                val bruno = world.enrol("Bruno Petit")
                val there = bruno.pair(bruno.find("Anne Martin").id)
                repeat(120) { there.send("Message $it") }
            }.await()
        }
        Watch().use { watch ->
            anne.sees("Bruno Petit")
            anne.tap("Bruno Petit")
            anne.wait(hasSetTextAction())
            anne.await("it does not come to its end") {
                // The pill says how many are new below, or only that there is an end.
                val pill = hasContentDescription(anne.string(R.string.conversation_newest)) or hasText(" new message", substring = true)
                if (anne.count(pill) > 0) anne.wait(pill).performClick()
                anne.count(hasText("Message 119")) > 0
            }
            anne.say("Bonjour Bruno")
            anne.wait(hasText("Bonjour Bruno") and hasContentDescription(anne.string(R.string.conversation_sent)))
            anne.hold("Bonjour Bruno")
            anne.tap(anne.string(R.string.conversation_react_with, "👍"))
            anne.type("À moitié")
            anne.scenario.recreate()
            anne.back()
            anne.sees(R.string.conversations_title)
            anne.tap(R.string.settings_title)
            anne.sees(R.string.settings_storage)
            anne.tap(R.string.devices_title)
            anne.sees(R.string.devices_this)
            assertEquals(emptySet<String>(), watch.seen)
        }
        // The watch would have seen it.
        Watch().use { watch ->
            repeat(300) { runBlocking { anne.client.conversationList() } }
            assertTrue("the watch sees nothing", watch.seen.isNotEmpty())
        }
    }
}
