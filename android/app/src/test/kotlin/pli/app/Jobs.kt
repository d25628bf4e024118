package pli.app

import android.app.Notification
import android.app.NotificationManager
import android.app.job.IJobCallback
import android.app.job.IJobService
import android.app.job.JobParameters
import android.app.job.JobWorkItem
import android.content.Intent
import android.os.Bundle
import android.os.Looper
import android.os.PersistableBundle
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Implementation
import org.robolectric.annotation.Implements
import org.robolectric.shadows.ShadowNotificationManager
import pli.app.notify.WakeUp
import pli.server.PATIENCE_MS

/** The timer's job, as the system runs it: bound, and started through its binder. */
class Job {
    private val service = Robolectric.buildService(WakeUp::class.java).create().get()
    private val binder = IJobService.Stub.asInterface(service.onBind(Intent()))

    /** What the service answered at once: whether it is at work still. */
    var working: Boolean? = null
        private set
    var stopping: Boolean? = null
        private set

    private val system = object : IJobCallback.Stub() {
        override fun acknowledgeStartMessage(job: Int, working: Boolean) {
            this@Job.working = working
        }

        override fun acknowledgeStopMessage(job: Int, again: Boolean) {
            stopping = again
        }

        override fun jobFinished(job: Int, again: Boolean) = Unit
        override fun dequeueWork(job: Int): JobWorkItem? = null
        override fun completeWork(job: Int, work: Int) = false
        override fun handleAbandonedJob(job: Int) = Unit
        override fun acknowledgeGetTransferredDownloadBytesMessage(job: Int, work: Int, bytes: Long) = Unit
        override fun acknowledgeGetTransferredUploadBytesMessage(job: Int, work: Int, bytes: Long) = Unit
        override fun updateEstimatedNetworkBytes(job: Int, work: JobWorkItem?, down: Long, up: Long) = Unit
        override fun updateTransferredNetworkBytes(job: Int, work: JobWorkItem?, down: Long, up: Long) = Unit
        override fun setNotification(job: Int, id: Int, notification: Notification?, policy: Int) = Unit
    }
    private val parameters = JobParameters(
        system, null, WakeUp.JOB, PersistableBundle.EMPTY, Bundle.EMPTY, null, 0, false, false, false, null, null, null,
    )

    val finished get() = shadowOf(service).isJobFinished
    val again get() = shadowOf(service).isRescheduleNeeded

    fun start() {
        binder.startJob(parameters)
        shadowOf(Looper.getMainLooper()).idle()
    }

    fun stop() {
        binder.stopJob(parameters)
        shadowOf(Looper.getMainLooper()).idle()
    }

    /** Runs it to its end. */
    fun run(): Job {
        start()
        check(working == true) { "the system was told that there is nothing to wait for" }
        val patience = System.nanoTime() + PATIENCE_MS * 2 * 1_000_000
        while (!finished) {
            check(System.nanoTime() < patience) { "the job does not end" }
            Thread.sleep(20)
            shadowOf(Looper.getMainLooper()).idle()
        }
        return this
    }
}

/** Counts how often the phone was made to ring: one notification may replace another. */
@Implements(NotificationManager::class)
class CountingManager : ShadowNotificationManager() {
    @Implementation
    override fun notify(tag: String?, id: Int, notification: Notification?) {
        if (notification?.channelId == "messages") rung += 1
        super.notify(tag, id, notification)
    }

    companion object {
        @Volatile
        var rung = 0
    }
}
