package pli.app

import android.Manifest
import android.app.Notification
import android.app.NotificationManager
import android.content.Context
import android.os.Bundle
import android.os.Parcel
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasScrollAction
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performSemanticsAction
import androidx.lifecycle.Lifecycle
import androidx.test.platform.app.InstrumentationRegistry
import java.io.File
import java.nio.file.Files
import kotlin.system.exitProcess
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.JUnitCore
import org.junit.runner.Request
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import pli.app.ui.system
import pli.server.until

private val disk get() = File(System.getProperty("pli.disk"))

/** Pli on a phone whose disk is a folder that outlives this process. */
class KeptApp : App() {
    override fun attachBaseContext(base: Context) {
        val data = base.dataDir
        check(data.deleteRecursively())
        Files.createSymbolicLink(data.toPath(), disk.toPath())
        super.attachBaseContext(base)
    }
}

/**
 * What happens in processes that [DeathTest] starts and kills. They tell it how far they are on a line of their own, and wait
 * for its word.
 */
@Config(application = KeptApp::class, shadows = [CountingManager::class])
class Lives : OnPhone() {
    private val saved = File(disk, "saved")
    private val stood = File(disk, "stood")

    private fun tell(word: String) {
        println("\nLIFE $word")
        System.out.flush()
    }

    private fun heed(word: String) = assertEquals(word, readln())

    /** Waits for the end of this process. */
    private fun stay(): Nothing {
        while (true) Thread.sleep(1_000)
    }

    private fun joined() = phone().apply {
        type(System.getProperty("pli.link"))
        tap(R.string.welcome_join)
        sees(R.string.conversations_none)
        tell("joined")
    }

    private fun reading(): Phone {
        val anne = joined()
        heed("said")
        anne.tap("Crue de la Loire")
        anne.wait(hasSetTextAction())
        // It opens where the unread begin; the pill goes to the end.
        val pill = hasText(" new message", substring = true) or hasContentDescription(anne.string(R.string.conversation_newest))
        anne.await("it does not come to its end") {
            if (anne.count(pill) > 0) anne.wait(pill).performClick()
            anne.count(hasText("Message 89")) > 0
        }
        tell("reading")
        heed("offline")
        anne.sees(R.string.conversations_unreachable)
        anne.say("Dit sans réseau")
        anne.wait(hasContentDescription(anne.string(R.string.conversation_waiting)))
        return anne
    }

    /** The system's part: it keeps what an activity saves as bytes. */
    private fun save(phone: Phone) = phone.scenario.onActivity {
        val bundle = Bundle()
        InstrumentationRegistry.getInstrumentation().callActivityOnSaveInstanceState(it, bundle)
        val parcel = Parcel.obtain()
        parcel.writeBundle(bundle)
        saved.writeBytes(parcel.marshall())
        parcel.recycle()
    }

    private fun restored(): Phone {
        val bytes = saved.readBytes()
        val parcel = Parcel.obtain()
        parcel.unmarshall(bytes, 0, bytes.size)
        parcel.setDataPosition(0)
        val bundle = checkNotNull(parcel.readBundle(javaClass.classLoader))
        val activity = Robolectric.buildActivity(MainActivity::class.java).setup(bundle)
        return Phone(rule, app.session, null) { it(activity.get()) }
    }

    private fun Phone.stood() = standing("Message ").joinToString("\n")

    /** What was half said is sent, and that is all. */
    private fun sends(anne: Phone) {
        anne.tap(R.string.conversation_send)
        anne.sees("À moitié dit")
        tell("done")
        heed("end")
    }

    @Test fun behind() {
        val anne = reading()
        val list = hasScrollAction() and hasSetTextAction().not()
        // Further up than what is loaded at first.
        while (anne.count(hasText("Message 12")) == 0) anne.wait(list).performSemanticsAction(SemanticsActions.ScrollBy) { it(0f, 555f) }
        anne.type("À moitié dit")
        anne.hold("Message 12")
        anne.tap(R.string.conversation_reply)
        anne.sees(R.string.conversation_replying, "Bruno Petit")
        stood.writeText(anne.stood())
        anne.sees("2 people", part = true).performClick()
        anne.tap("Bruno Petit")
        anne.sees(R.string.person_not_verified)
        anne.scenario.moveToState(Lifecycle.State.CREATED)
        save(anne)
        tell("behind")
        stay()
    }

    @Test fun again() {
        val anne = restored()
        anne.sees(R.string.person_not_verified)
        anne.back()
        anne.sees(R.string.group_title)
        anne.back()
        anne.wait(hasSetTextAction() and hasText("À moitié dit"))
        anne.sees(R.string.conversation_replying, "Bruno Petit")
        anne.sees(R.string.conversations_unreachable)
        assertEquals(stood.readText(), anne.stood())
        tell("restored")
        heed("online")
        anne.gone(R.string.conversations_unreachable)
        sends(anne)
    }

    @Test fun infront() {
        val anne = reading()
        anne.type("À moitié dit")
        runBlocking { until { anne.client.conversationList().find { it.draft == "À moitié dit" } } }
        tell("typed")
        stay()
    }

    @Test fun anew() {
        val anne = phone()
        anne.sees(anne.string(R.string.conversations_draft, "À moitié dit"))
        anne.tap("Crue de la Loire")
        anne.wait(hasSetTextAction() and hasText("À moitié dit"))
        anne.wait(hasText("Dit sans réseau") and hasContentDescription(anne.string(R.string.conversation_waiting)))
        tell("restored")
        heed("online")
        anne.wait(hasText("Dit sans réseau") and hasContentDescription(anne.string(R.string.conversation_sent)))
        sends(anne)
    }

    @Test fun gone() {
        joined()
        heed("end")
    }

    /** The system starts the process for the timer's sake: nothing is on the screen. */
    @Test fun woken() {
        shadowOf(app).grantPermissions(Manifest.permission.POST_NOTIFICATIONS)
        val told = shadowOf(app.system<NotificationManager>())
        assertFalse(Job().run().again)
        assertEquals(1, CountingManager.rung)
        assertEquals(app.getString(R.string.notification_new_message), told.allNotifications.single().extras.getString(Notification.EXTRA_TEXT))
        assertFalse(Job().run().again)
        assertEquals("told twice", 1, CountingManager.rung)
        tell("told")
        heed("offline")
        assertTrue("the system is not asked to try again", Job().run().again)
        assertEquals(1, CountingManager.rung)
        tell("tried")
        heed("online")
        assertFalse(Job().run().again)
        assertEquals(2, CountingManager.rung)
        tell("done")
        heed("end")
    }

    companion object {
        /** Runs one of them, and ends. */
        @JvmStatic
        fun main(words: Array<String>) {
            val result = JUnitCore().run(Request.method(Lives::class.java, words.single()))
            result.failures.forEach { failure ->
                println(failure.exception)
                failure.exception.stackTrace.filter { it.className.startsWith("pli.") }.forEach { println("    at $it") }
            }
            exitProcess(if (result.wasSuccessful() && result.runCount == 1) 0 else 1)
        }
    }
}
