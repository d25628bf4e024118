package pli.app

import android.Manifest
import android.app.Notification
import android.app.NotificationManager
import android.app.job.JobScheduler
import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.longClick
import androidx.compose.ui.test.performTouchInput
import androidx.lifecycle.Lifecycle
import java.time.Duration
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import pli.Client
import pli.ClientState
import pli.Conversation
import pli.app.notify.LiveService
import pli.app.notify.WakeUp
import pli.app.ui.system
import pli.server.soon

@Config(shadows = [CountingManager::class])
class NotifyTest : OnPhones() {
    private val manager get() = app.system<NotificationManager>()

    private fun told(): List<Notification> = shadowOf(manager).allNotifications.filter { it.channelId == "messages" }

    private fun Notification.words() = "${extras.getCharSequence(Notification.EXTRA_TITLE)} ${extras.getCharSequence(Notification.EXTRA_TEXT)}"

    /** A phone with a talk that is not on the screen. */
    private fun quiet(): Triple<Phone, Client, Conversation> {
        shadowOf(app).grantPermissions(Manifest.permission.POST_NOTIFICATIONS)
        val anne = phoneOf("Anne Martin")
        val bruno = world.enrol("Bruno Petit")
        val there = runBlocking { bruno.pair(bruno.find("Anne Martin").id) }
        return Triple(anne, bruno, there)
    }

    private fun Phone.isTold() = await("nothing was told") { told().isNotEmpty() }

    @Test fun a_notification_hides_what_was_said() {
        val (anne, _, there) = quiet()
        runBlocking { there.send("Le code est 1234") }
        anne.isTold()
        val hidden = told().single().words()
        assertTrue(hidden, anne.string(R.string.notification_new_message) in hidden)
        assertFalse(hidden, "1234" in hidden || "Bruno" in hidden)

        app.settings.change { it.copy(content = true) }
        runBlocking { there.send("Et le lieu est ici") }
        anne.await("the text is not told") { told().any { "Et le lieu est ici" in it.words() && "Bruno Petit" in it.words() } }
        val shown = told().first { "ici" in it.words() }
        assertEquals(Notification.VISIBILITY_PRIVATE, shown.visibility)
        assertFalse("Bruno" in shown.publicVersion.words())

        // Read: nothing is left to tell.
        anne.tap("Bruno Petit")
        anne.wait(hasSetTextAction())
        anne.await("it is still told") { told().isEmpty() }
        runBlocking { there.send("Pendant que je regarde") }
        anne.sees("Pendant que je regarde")
        assertTrue(told().isEmpty())
    }

    @Test fun a_muted_conversation_is_silent() {
        val (anne, _, there) = quiet()
        runBlocking { there.send("Avant") }
        anne.isTold()
        anne.sees("Avant")
        anne.wait(hasText("Bruno Petit")).performTouchInput { longClick() }
        anne.tap(R.string.conversations_mute)
        anne.wait(hasContentDescription(anne.string(R.string.conversations_muted)))
        manager.cancelAll()
        runBlocking { there.send("Après") }
        anne.sees("Après")
        assertTrue(told().isEmpty())
    }

    @Test fun the_timer_looks_for_messages() {
        val (anne, _, there) = quiet()
        val jobs = app.system<JobScheduler>()
        anne.await("no timer runs") { jobs.getPendingJob(WakeUp.JOB) != null }
        val job = checkNotNull(jobs.getPendingJob(WakeUp.JOB))
        assertTrue(job.isPeriodic && job.isPersisted)
        assertEquals(Duration.ofMinutes(15).toMillis(), job.intervalMillis)
        anne.scenario.moveToState(Lifecycle.State.CREATED)
        runBlocking { soon { anne.client.state.first { it is ClientState.Suspended } } }
        runBlocking { there.settled(there.send("Pendant la nuit")) }
        assertTrue(told().isEmpty())
        // The phone wakes it up: it looks, tells, and lets go again.
        CountingManager.rung = 0
        assertFalse(Job().run().again)
        anne.isTold()
        runBlocking { soon { anne.client.state.first { it is ClientState.Suspended } } }
        assertFalse(Job().run().again)
        assertEquals(1, CountingManager.rung)
        // The phone wants it to end before it is done: it does, and is to come again.
        world.kill()
        val stopped = Job().apply {
            start()
            stop()
        }
        assertEquals(true, stopped.stopping)
        runBlocking { soon { anne.client.state.first { it is ClientState.Suspended } } }
        assertFalse(stopped.finished)
    }

    @Test fun the_connection_lasts_by_choice() {
        val (anne, _, there) = quiet()
        assertNull(shadowOf(app).peekNextStartedService())
        app.settings.change { it.copy(background = true) }
        anne.await("no service was started") { shadowOf(app).peekNextStartedService()?.component?.className == LiveService::class.java.name }
        val service = Robolectric.buildService(LiveService::class.java).create().startCommand(0, 1)
        val notification = shadowOf(service.get()).lastForegroundNotification
        assertEquals(anne.string(R.string.notification_connected), notification.extras.getString(Notification.EXTRA_TITLE))
        anne.scenario.moveToState(Lifecycle.State.CREATED)
        // Not seen, and connected all the same.
        runBlocking { there.send("Toujours là") }
        anne.isTold()
        service.destroy()
        runBlocking { soon { anne.client.state.first { it is ClientState.Suspended } } }
    }
}
