package pli.app.notify

import android.content.Context
import android.content.Intent
import androidx.core.content.ContextCompat
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.launch
import pli.app.session.Device
import pli.app.session.Session
import pli.app.session.Settings

/** What runs while the app is not seen: a lasting connection if the person wants one, else a look from time to time. */
class Background(private val context: Context, private val session: Session, private val settings: Settings, private val scope: CoroutineScope) {
    private enum class Way { NONE, LIVE, TIMER }

    /** To be called where the app is seen: only then may a service be started. */
    fun follow() {
        scope.launch {
            settings.choices.combine(session.device) { choices, device ->
                when {
                    device is Device.None -> Way.NONE
                    device !is Device.Open -> null
                    choices.background -> Way.LIVE
                    choices.notifications -> Way.TIMER
                    else -> Way.NONE
                }
            }.distinctUntilChanged().collect { it?.let(::go) }
        }
    }

    private fun go(way: Way) {
        val live = Intent(context, LiveService::class.java)
        if (way == Way.LIVE) ContextCompat.startForegroundService(context, live) else context.stopService(live)
        // Beside the connection too: the platform may end it.
        if (way == Way.NONE) WakeUp.cancel(context) else WakeUp.schedule(context)
    }
}
