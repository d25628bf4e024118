package pli.app

import androidx.activity.compose.PredictiveBackHandler
import androidx.compose.animation.core.Animatable
import androidx.compose.foundation.layout.Box
import androidx.compose.runtime.Composable
import androidx.compose.runtime.remember
import androidx.compose.ui.Modifier
import androidx.compose.ui.graphics.graphicsLayer
import kotlinx.coroutines.CancellationException

/** The way back: the screen gives way a little while the finger still decides. */
@Composable
fun Back(there: Boolean, onBack: () -> Unit, content: @Composable () -> Unit) {
    val far = remember { Animatable(0f) }
    PredictiveBackHandler(there) { progress ->
        try {
            progress.collect { far.snapTo(it.progress) }
            far.snapTo(0f)
            onBack()
        } catch (cancelled: CancellationException) {
            far.snapTo(0f)
            throw cancelled
        }
    }
    Box(
        Modifier.graphicsLayer {
            val scale = 1f - 0.08f * far.value
            scaleX = scale
            scaleY = scale
        },
    ) {
        content()
    }
}
