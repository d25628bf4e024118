package pli.app.ui

import android.content.ActivityNotFoundException
import android.content.pm.PackageManager
import android.net.Uri
import androidx.activity.compose.rememberLauncherForActivityResult
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia
import androidx.activity.result.contract.ActivityResultContracts.TakePicture
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.rememberCoroutineScope
import androidx.compose.runtime.setValue
import androidx.compose.ui.platform.LocalContext
import androidx.core.content.FileProvider
import java.io.File
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import pli.app.screens.welcome.Scanning

/**
 * Scans a code: on a picture that the camera's own app takes, or on one that is there already. Neither needs a permission.
 * [heard] gets what the code says, or null if there is none.
 */
@Composable
fun Scan(heard: (String?) -> Unit) {
    val context = LocalContext.current
    val scope = rememberCoroutineScope()
    val shot = remember { File(context.cacheDir, "pictures/code.jpg") }
    fun place() = FileProvider.getUriForFile(context, "pli.app.pictures", shot.apply { parentFile?.mkdirs() })

    var looking by remember { mutableStateOf<Job?>(null) }
    fun look(picture: Uri) {
        // Who chose another picture does not ask about the one before.
        looking?.cancel()
        looking = scope.launch {
            heard(withContext(Dispatchers.Default) { read(context.contentResolver, picture).also { shot.delete() } })
        }
    }

    val camera = rememberLauncherForActivityResult(TakePicture()) { taken -> if (taken) look(place()) }
    val picker = rememberLauncherForActivityResult(PickVisualMedia()) { picture -> if (picture != null) look(picture) }
    val hasCamera = remember { context.packageManager.hasSystemFeature(PackageManager.FEATURE_CAMERA_ANY) }
    val onCamera = {
        try {
            camera.launch(place())
        } catch (_: ActivityNotFoundException) {
            heard(null)
        }
    }
    Scanning(onCamera.takeIf { hasCamera }) {
        picker.launch(PickVisualMediaRequest(PickVisualMedia.ImageOnly))
    }
}
