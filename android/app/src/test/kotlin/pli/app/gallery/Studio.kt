package pli.app.gallery

import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.os.Handler
import android.os.Looper
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.view.WindowManager
import androidx.activity.ComponentActivity
import androidx.activity.compose.setContent
import androidx.compose.runtime.BroadcastFrameClock
import androidx.compose.runtime.Composable
import androidx.compose.runtime.Recomposer
import androidx.compose.runtime.key
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.snapshots.Snapshot
import androidx.compose.ui.platform.ViewRootForTest
import java.time.Duration
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.android.asCoroutineDispatcher
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController

/** How a picture is taken. The third language is written from right to left, by words that nobody can read. */
data class Setting(val dark: Boolean, val language: String, val large: Boolean, val tablet: Boolean) {
    val name: String =
        listOf(if (dark) "dark" else "light", language, if (large) "200" else "100", if (tablet) "tablet" else "phone").joinToString("-")

    /** As Android names it: with two pixels a dp, so that strokes have their full colour. */
    val qualifiers: String
        get() {
            val locale = if (language == RIGHT_TO_LEFT) "ar-rXB-ldrtl" else "$language-ldltr"
            val size = if (tablet) "sw800dp-w1280dp-h800dp-xlarge-notlong-notround-land" else "sw360dp-w360dp-h640dp-normal-notlong-notround-port"
            return "$locale-$size-${if (dark) "night" else "notnight"}-xhdpi"
        }

    companion object {
        const val RIGHT_TO_LEFT = "rtl"

        private val both = listOf(false, true)

        /** Those of the gallery. */
        val all: List<Setting> =
            both.flatMap { dark -> listOf("en", "fr", RIGHT_TO_LEFT).flatMap { lang -> both.map { Setting(dark, lang, it, tablet = false) } } } +
                listOf(
                    Setting(dark = false, "en", large = false, tablet = true), Setting(dark = true, "fr", large = false, tablet = true),
                    Setting(dark = false, "fr", large = true, tablet = true), Setting(dark = true, RIGHT_TO_LEFT, large = false, tablet = true),
                )

        /** Those of every check: the plain one, and the one in which most goes wrong. */
        val plain = Setting(dark = false, "en", large = false, tablet = false)
        val hard = Setting(dark = true, "fr", large = true, tablet = false)
    }
}

/** A window on a picture: the screen itself, or a dialogue or menu above it. */
class Window(val roots: List<ViewRootForTest>, val x: Int, val y: Int)

/** A picture, and what is to be seen on it: only the uppermost window can be touched. */
class Shot(val bitmap: Bitmap, val windows: List<Window>, val density: Float) {
    val pixels: IntArray = IntArray(bitmap.width * bitmap.height).also {
        bitmap.getPixels(it, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
    }
}

/** Shows contents in one setting, one after the other, and takes pictures of them. */
class Studio(setting: Setting) : AutoCloseable {
    private val controller: ActivityController<ComponentActivity>
    // Compose's own clock and thread are of the process's first activity, which Robolectric ends with the first test.
    private val clock = BroadcastFrameClock()
    private val scope = CoroutineScope(Handler(Looper.getMainLooper()).asCoroutineDispatcher() + clock)
    private val recomposer = Recomposer(scope.coroutineContext)
    private var time = 0L
    private val shown = mutableStateOf<Pair<Int, @Composable () -> Unit>?>(null)
    private var count = 0

    init {
        RuntimeEnvironment.setQualifiers(setting.qualifiers)
        RuntimeEnvironment.setFontScale(if (setting.large) 2f else 1f)
        controller = Robolectric.buildActivity(ComponentActivity::class.java).setup()
        scope.launch { recomposer.runRecomposeAndApplyChanges() }
        controller.get().setContent(recomposer) { shown.value?.let { (number, content) -> key(number) { content() } } }
    }

    fun take(content: @Composable () -> Unit): Shot {
        shown.value = null
        settle()
        shown.value = ++count to content
        settle()
        val views = windows()
        val whole = views.first()
        val bitmap = Bitmap.createBitmap(whole.width, whole.height, Bitmap.Config.ARGB_8888)
        val canvas = Canvas(bitmap)
        val placed = views.map { view ->
            val (x, y) = place(view, whole)
            if (dims(view)) canvas.drawColor(Color.argb(0x52, 0, 0, 0))
            canvas.save()
            canvas.translate(x.toFloat(), y.toFloat())
            view.draw(canvas)
            canvas.restore()
            Window(roots(view), x, y)
        }
        return Shot(bitmap, placed, controller.get().resources.displayMetrics.density)
    }

    /** Until what moves into its place is there; what moves for ever goes on. */
    private fun settle() = repeat(FRAMES) {
        Snapshot.sendApplyNotifications()
        time += FRAME_MS
        clock.sendFrame(time * 1_000_000)
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(FRAME_MS))
    }

    /** All windows of this process, from below. */
    private fun windows(): List<View> {
        val global = Class.forName("android.view.WindowManagerGlobal")
        val instance = global.getMethod("getInstance").invoke(null)
        val views = global.getDeclaredField("mViews").apply { isAccessible = true }.get(instance) as List<*>
        return views.filterIsInstance<View>().filter { it.width > 0 && it.height > 0 && it.isShown }
    }

    private fun dims(view: View): Boolean {
        val params = view.layoutParams as? WindowManager.LayoutParams ?: return false
        return params.flags and WindowManager.LayoutParams.FLAG_DIM_BEHIND != 0
    }

    private fun place(view: View, whole: View): Pair<Int, Int> {
        val params = view.layoutParams as? WindowManager.LayoutParams
        if (view === whole || params == null) return 0 to 0
        val gravity = if (params.gravity == 0) Gravity.CENTER else params.gravity
        val place = android.graphics.Rect()
        Gravity.apply(
            gravity, view.width, view.height, android.graphics.Rect(0, 0, whole.width, whole.height), params.x, params.y, place,
            whole.layoutDirection,
        )
        return place.left to place.top
    }

    private fun roots(view: View): List<ViewRootForTest> = buildList {
        fun look(one: View) {
            if (one is ViewRootForTest) add(one)
            if (one is ViewGroup) (0 until one.childCount).forEach { look(one.getChildAt(it)) }
        }
        look(view)
    }

    override fun close() {
        controller.pause().stop().destroy()
        recomposer.cancel()
        scope.cancel()
    }

    private companion object {
        const val FRAMES = 40
        const val FRAME_MS = 16L
    }
}
