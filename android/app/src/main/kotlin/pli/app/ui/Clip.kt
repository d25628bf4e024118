package pli.app.ui

import android.content.ClipData
import android.content.ClipDescription
import android.content.ClipboardManager
import android.content.Context
import android.os.Build
import android.os.Handler
import android.os.Looper
import android.os.PersistableBundle

private const val LABEL = "pli"
private const val KEPT_MS = 60_000L

/** Copies a text, marked as sensitive so that nothing shows it; what is still there after a minute is cleared. */
fun copy(context: Context, text: String) {
    val board = context.system<ClipboardManager>()
    val clip = ClipData.newPlainText(LABEL, text)
    clip.description.extras = PersistableBundle().apply {
        // ClipDescription.EXTRA_IS_SENSITIVE by name: keyboards heeded it before it had a constant.
        putBoolean("android.content.extra.IS_SENSITIVE", true)
    }
    board.setPrimaryClip(clip)
    Handler(Looper.getMainLooper()).postDelayed({ clear(board) }, KEPT_MS)
}

private fun clear(board: ClipboardManager) {
    if (board.primaryClipDescription?.label != LABEL) return
    if (Build.VERSION.SDK_INT >= 28) board.clearPrimaryClip() else board.setPrimaryClip(ClipData.newPlainText("", ""))
}

/** What was copied elsewhere, as text. */
fun pasted(context: Context): String? {
    val clip = context.system<ClipboardManager>().primaryClip ?: return null
    if (clip.itemCount == 0 || !clip.description.hasMimeType("text/*")) return null
    return clip.getItemAt(0).coerceToText(context)?.toString()?.trim()?.ifEmpty { null }
}
