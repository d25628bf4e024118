package pli.app

import android.content.Context
import android.content.Intent
import android.os.Bundle
import android.view.WindowManager
import androidx.activity.ComponentActivity
import androidx.activity.SystemBarStyle
import androidx.activity.compose.setContent
import androidx.activity.enableEdgeToEdge
import androidx.activity.viewModels
import androidx.compose.foundation.isSystemInDarkTheme
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.getValue
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import androidx.lifecycle.lifecycleScope
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.drop
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.launch
import pli.ConversationId
import pli.app.session.Appearance
import pli.app.session.Session
import pli.app.ui.AppTheme
import pli.app.ui.localised

open class MainActivity : ComponentActivity() {
    private val app get() = application as App

    /** Whose screen this is; tests show two. */
    protected open val session: Session get() = app.session
    val navigator: Navigator by viewModels()

    override fun attachBaseContext(base: Context) = super.attachBaseContext(base.localised())

    override fun onCreate(savedInstanceState: Bundle?) {
        enableEdgeToEdge()
        super.onCreate(savedInstanceState)
        cover(!app.settings.choices.value.screenshots)
        if (savedInstanceState == null) heed(intent)
        lifecycleScope.launch {
            app.settings.choices.map { it.screenshots }.distinctUntilChanged().collect { cover(!it) }
        }
        lifecycleScope.launch {
            // Words come from the activity's resources: another language is another activity.
            app.settings.choices.map { it.language }.distinctUntilChanged().drop(1).collect { recreate() }
        }
        setContent {
            val choices by app.settings.choices.collectAsStateWithLifecycle()
            val dark = when (choices.appearance) {
                Appearance.SYSTEM -> isSystemInDarkTheme()
                Appearance.LIGHT -> false
                Appearance.DARK -> true
            }
            LaunchedEffect(dark) {
                val bars = SystemBarStyle.auto(0, 0) { dark }
                enableEdgeToEdge(bars, bars)
            }
            AppTheme(dark) { Root(session, app.settings, navigator) }
        }
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        heed(intent)
    }

    private fun heed(intent: Intent) {
        intent.getStringExtra(CONVERSATION)?.let { navigator.begin(Place.Conversation(ConversationId(it))) }
        intent.data?.takeIf { it.scheme == "pli" }?.let { navigator.link(it.toString()) }
    }

    /** Keeps what is on the screen out of screenshots and the list of recent apps. */
    private fun cover(covered: Boolean) {
        val secure = WindowManager.LayoutParams.FLAG_SECURE
        if (covered) window.addFlags(secure) else window.clearFlags(secure)
    }

    companion object {
        /** Which conversation to show: of a notification. */
        const val CONVERSATION = "conversation"
    }
}
