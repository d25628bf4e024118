package pli.app

import android.app.Activity
import android.app.Application
import android.net.ConnectivityManager
import android.net.Network
import android.os.Bundle
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import pli.app.notify.Background
import pli.app.notify.Notifier
import pli.app.session.Keys
import pli.app.session.Session
import pli.app.session.Settings
import pli.app.ui.system

open class App : Application() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    lateinit var settings: Settings
        private set
    lateinit var session: Session
        private set
    lateinit var notifier: Notifier
        private set

    override fun onCreate() {
        super.onCreate()
        settings = Settings(this)
        session = Session(noBackupFilesDir, { name -> Keys.of(this, name) }, scope)
        val background = Background(this, session, settings, scope)
        notifier = Notifier(this, session, settings, scope)
        registerActivityLifecycleCallbacks(Seen(background))
        system<ConnectivityManager>()
            .registerDefaultNetworkCallback(object : ConnectivityManager.NetworkCallback() {
                override fun onAvailable(network: Network) {
                    session.networkChanged()
                }
            })
        notifier.follow()
    }

    /** Whether Pli is on the screen. An activity that is made anew, when the phone is turned, was there all the time. */
    private inner class Seen(private val background: Background) : ActivityLifecycleCallbacks {
        private var started = 0
        private var first = true

        override fun onActivityStarted(activity: Activity) {
            started += 1
            session.open()
            session.resume(this)
            if (first) background.follow()
            first = false
        }

        override fun onActivityStopped(activity: Activity) {
            started -= 1
            if (started == 0 && !activity.isChangingConfigurations) session.suspend(this)
        }

        override fun onActivityCreated(activity: Activity, saved: Bundle?) = Unit

        override fun onActivityResumed(activity: Activity) = Unit

        override fun onActivityPaused(activity: Activity) = Unit

        override fun onActivitySaveInstanceState(activity: Activity, state: Bundle) = Unit

        override fun onActivityDestroyed(activity: Activity) = Unit
    }
}
