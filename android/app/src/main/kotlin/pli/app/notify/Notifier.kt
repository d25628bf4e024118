package pli.app.notify

import android.Manifest
import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.os.Build
import androidx.core.app.NotificationCompat
import androidx.core.app.Person
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.flatMapLatest
import kotlinx.coroutines.launch
import pli.ConversationId
import pli.ItemId
import pli.MessageNotice
import pli.app.MainActivity
import pli.app.R
import pli.app.session.Device
import pli.app.session.Session
import pli.app.session.Settings
import pli.app.ui.localised
import pli.app.ui.system

/** Turns the core's notices into notifications of the phone: one for each conversation, or one that says nothing. */
class Notifier(private val context: Context, private val session: Session, private val settings: Settings, private val scope: CoroutineScope) {
    private val manager = context.system<NotificationManager>()
    private val told = LinkedHashSet<ItemId>()

    /** The conversation on the screen: what comes there is seen. */
    @Volatile
    var shown: ConversationId? = null
        set(value) {
            field = value
            value?.let(::seen)
        }

    /** Tells of what comes for as long as the client is open. */
    @OptIn(ExperimentalCoroutinesApi::class)
    fun follow() {
        val open = session.device.filterIsInstance<Device.Open>()
        scope.launch { open.flatMapLatest { it.client.notices }.collect(::tell) }
        scope.launch {
            open.flatMapLatest { it.client.conversations }.collect { all ->
                // Read here or on another device of this person.
                all.filter { it.unread == 0 }.forEach { seen(it.id) }
                if (all.all { it.unread == 0 }) manager.cancel(HIDDEN, MESSAGE)
            }
        }
    }

    fun tell(notice: MessageNotice) {
        val choices = settings.choices.value
        if (!choices.notifications || notice.conversation == shown || !permitted(context) || !first(notice.message)) return
        val words = context.localised()
        channel(words)
        val open = PendingIntent.getActivity(
            context,
            notice.conversation.hashCode(),
            Intent(context, MainActivity::class.java).putExtra(MainActivity.CONVERSATION, notice.conversation.text),
            PendingIntent.FLAG_IMMUTABLE or PendingIntent.FLAG_UPDATE_CURRENT,
        )
        val hidden = plain(words).setContentIntent(open).build()
        if (!choices.content) return manager.notify(HIDDEN, MESSAGE, hidden)
        val sender = Person.Builder().setName(notice.sender.name).setKey(notice.sender.id.text).build()
        val text = notice.preview.ifEmpty { words.getString(R.string.notification_new_message) }
        val said = NotificationCompat.MessagingStyle(Person.Builder().setName(words.getString(R.string.app_you)).build())
            .addMessage(text, notice.sentAt.toEpochMilli(), sender)
        val full = plain(words).setContentIntent(open).setContentTitle(notice.sender.name).setContentText(text)
            .setStyle(said).setPublicVersion(hidden).build()
        manager.notify(notice.conversation.text, MESSAGE, full)
    }

    /** False if it was told of: an open client's notices and what a look by the timer found may be the same. */
    private fun first(message: ItemId): Boolean = synchronized(told) {
        told.add(message).also { if (told.size > REMEMBERED) told.remove(told.first()) }
    }

    private fun seen(conversation: ConversationId) = manager.cancel(conversation.text, MESSAGE)

    private fun plain(words: Context) = NotificationCompat.Builder(context, MESSAGES)
        .setSmallIcon(R.drawable.write)
        .setContentTitle(words.getString(R.string.app_name))
        .setContentText(words.getString(R.string.notification_new_message))
        .setCategory(NotificationCompat.CATEGORY_MESSAGE)
        .setVisibility(NotificationCompat.VISIBILITY_PRIVATE)
        .setAutoCancel(true)

    private fun channel(words: Context) = manager.createNotificationChannel(
        NotificationChannel(MESSAGES, words.getString(R.string.notification_channel), NotificationManager.IMPORTANCE_HIGH).apply {
            lockscreenVisibility = Notification.VISIBILITY_PRIVATE
        },
    )

    companion object {
        private const val MESSAGES = "messages"
        const val HIDDEN = "hidden"
        const val MESSAGE = 1
        private const val REMEMBERED = 500

        /** Whether the person lets this app tell of anything. */
        fun permitted(context: Context) = Build.VERSION.SDK_INT < 33 ||
            context.checkSelfPermission(Manifest.permission.POST_NOTIFICATIONS) == PackageManager.PERMISSION_GRANTED
    }
}
