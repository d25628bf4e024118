package pli.app.notify

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.ComponentName
import android.content.Context
import java.time.Duration
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import pli.Advice
import pli.PliException
import pli.app.App
import pli.app.ui.system

/** Looks for messages every quarter of an hour: one bounded sync, then the store is let go. */
class WakeUp : JobService() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)

    override fun onStartJob(parameters: JobParameters): Boolean {
        val app = application as App
        scope.launch {
            val again = try {
                val result = app.session.wakeUp(WITHIN)
                result?.notifications?.forEach(app.notifier::tell)
                // Not all was fetched, or the server did not answer: sooner than at the next time.
                result?.complete == false
            } catch (problem: PliException) {
                problem.advice() == Advice.RETRY
            }
            jobFinished(parameters, again)
        }
        return true
    }

    override fun onStopJob(parameters: JobParameters): Boolean {
        scope.cancel()
        return true
    }

    override fun onDestroy() {
        scope.cancel()
        super.onDestroy()
    }

    companion object {
        const val JOB = 1
        private val WITHIN: Duration = Duration.ofSeconds(20)
        private val EVERY: Duration = Duration.ofMinutes(15)
        private val AGAIN: Duration = Duration.ofMinutes(1)

        fun schedule(context: Context) {
            val jobs = context.system<JobScheduler>()
            if (jobs.getPendingJob(JOB) != null) return
            jobs.schedule(
                JobInfo.Builder(JOB, ComponentName(context, WakeUp::class.java))
                    .setPeriodic(EVERY.toMillis())
                    .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                    .setPersisted(true)
                    .setBackoffCriteria(AGAIN.toMillis(), JobInfo.BACKOFF_POLICY_LINEAR)
                    .build(),
            )
        }

        fun cancel(context: Context) = context.system<JobScheduler>().cancel(JOB)
    }
}
