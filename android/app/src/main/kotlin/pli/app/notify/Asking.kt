package pli.app.notify

import android.Manifest
import android.os.Build
import androidx.activity.compose.rememberLauncherForActivityResult
import androidx.activity.result.contract.ActivityResultContracts.RequestPermission
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.ui.platform.LocalContext
import pli.app.session.Settings

/** Asks the person to let Pli tell of messages, where the platform wants that asked. */
@Composable
fun rememberAsking(): () -> Unit {
    val context = LocalContext.current
    val launcher = rememberLauncherForActivityResult(RequestPermission()) {}
    return {
        if (Build.VERSION.SDK_INT >= 33 && !Notifier.permitted(context)) launcher.launch(Manifest.permission.POST_NOTIFICATIONS)
    }
}

/** The same, the first time that there are conversations to tell of. */
@Composable
fun AskOnce(settings: Settings) {
    val ask = rememberAsking()
    LaunchedEffect(Unit) {
        if (settings.asked || !settings.choices.value.notifications) return@LaunchedEffect
        settings.asked = true
        ask()
    }
}
