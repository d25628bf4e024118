package pli.app

import androidx.compose.animation.AnimatedContent
import androidx.compose.animation.core.tween
import androidx.compose.animation.fadeIn
import androidx.compose.animation.fadeOut
import androidx.compose.animation.togetherWith
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.BoxWithConstraints
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxHeight
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.width
import androidx.compose.material3.Button
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.VerticalDivider
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.saveable.rememberSaveableStateHolder
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.unit.dp
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import pli.app.session.Device
import pli.app.session.Session
import pli.app.session.Settings
import pli.app.ui.Nothing
import pli.app.ui.text

/** What is on the screen: where one is, if there is a device. */
@Composable
fun Root(session: Session, settings: Settings, navigator: Navigator) = Surface(Modifier.fillMaxSize()) {
    val device by session.device.collectAsStateWithLifecycle()
    val link by navigator.link.collectAsStateWithLifecycle()
    val screens = Screens(session, settings, navigator)
    when (val now = device) {
        // A moment: what comes after it shows at once what the store has.
        Device.Opening -> Unit
        is Device.None -> screens.Welcome(link)
        is Device.Shut -> Box(Modifier.fillMaxSize(), Alignment.Center) {
            Nothing(now.problem.text(), null, R.drawable.alert) {
                Button(session::again) { Text(stringResource(R.string.app_retry)) }
            }
        }
        is Device.Open -> {
            LaunchedEffect(link) {
                // An invitation while there is a device: to be looked at, not to be followed.
                if (link.isNotEmpty()) navigator.open(Place.Join)
            }
            Places(navigator, screens)
        }
    }
}

private val LIST = 360.dp
private val BOTH = 840.dp

@Composable
private fun Places(navigator: Navigator, screens: Screens) = BoxWithConstraints(Modifier.fillMaxSize()) {
    val stack by navigator.stack.collectAsStateWithLifecycle(navigator.first)
    val holder = rememberSaveableStateHolder()
    val top = stack.last()
    var known by remember { mutableStateOf(emptySet<String>()) }
    LaunchedEffect(stack) {
        val now = stack.mapTo(HashSet()) { it.key }
        (known - now).forEach(holder::removeState)
        known = now
    }
    val beside = maxWidth >= BOTH
    Back(stack.size > 1, navigator::back) {
        if (beside) {
            Row(Modifier.fillMaxSize()) {
                Box(Modifier.width(LIST).fillMaxHeight()) {
                    holder.SaveableStateProvider(stack.first().key) { screens.Show(stack.first(), true, stack) }
                }
                VerticalDivider(color = MaterialTheme.colorScheme.outlineVariant)
                Box(Modifier.weight(1f).fillMaxHeight()) {
                    if (stack.size > 1) holder.SaveableStateProvider(top.key) { screens.Show(top, true, stack) } else Choose()
                }
            }
        } else {
            AnimatedContent(
                top,
                transitionSpec = { fadeIn(tween(MOVE_MS)) togetherWith fadeOut(tween(MOVE_MS)) },
                contentKey = { it.key },
                label = "place",
            ) { entry ->
                holder.SaveableStateProvider(entry.key) { screens.Show(entry, false, stack) }
            }
        }
    }
}

private const val MOVE_MS = 150

/** Beside the list, before anything was chosen in it. */
@Composable
private fun Choose() = Box(Modifier.fillMaxSize(), Alignment.Center) {
    Nothing(stringResource(R.string.conversations_choose), null, R.drawable.write)
}
