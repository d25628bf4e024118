package pli.app.notify

import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.app.Service
import android.content.Intent
import android.content.pm.ServiceInfo
import android.os.Build
import androidx.core.app.NotificationCompat
import androidx.core.app.ServiceCompat
import pli.app.App
import pli.app.MainActivity
import pli.app.R
import pli.app.ui.localised
import pli.app.ui.system

/** Keeps the client connected while the app is not seen. Runs only while the person wants it so. */
class LiveService : Service() {
    private val app get() = application as App

    override fun onBind(intent: Intent?) = null

    override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        val words = localised()
        system<NotificationManager>().createNotificationChannel(
            NotificationChannel(CONNECTION, words.getString(R.string.notification_connected_channel), NotificationManager.IMPORTANCE_MIN),
        )
        val open = PendingIntent.getActivity(this, 0, Intent(this, MainActivity::class.java), PendingIntent.FLAG_IMMUTABLE)
        val notification = NotificationCompat.Builder(this, CONNECTION)
            .setSmallIcon(R.drawable.connection)
            .setContentTitle(words.getString(R.string.notification_connected))
            .setContentIntent(open)
            .setOngoing(true)
            .setSilent(true)
            .build()
        val type = if (Build.VERSION.SDK_INT >= 34) ServiceInfo.FOREGROUND_SERVICE_TYPE_REMOTE_MESSAGING else 0
        ServiceCompat.startForeground(this, ID, notification, type)
        app.session.open()
        app.session.resume(this)
        return START_STICKY
    }

    override fun onDestroy() {
        app.session.suspend(this)
        super.onDestroy()
    }

    private companion object {
        const val CONNECTION = "connection"
        const val ID = 2
    }
}
