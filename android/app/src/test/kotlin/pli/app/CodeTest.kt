package pli.app

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Matrix
import android.graphics.Paint
import android.net.Uri
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.core.content.FileProvider
import com.google.zxing.BarcodeFormat
import com.google.zxing.qrcode.QRCodeWriter
import java.io.File
import kotlin.random.Random
import org.junit.Assert.assertEquals
import org.junit.Test
import org.robolectric.Shadows.shadowOf
import org.robolectric.util.ReflectionHelpers
import pli.app.ui.read

/** Codes on pictures that a person chooses among those on the phone. */
class CodeTest : OnPhones() {
    /** A code, a module a pixel, with its margin. */
    private fun code(text: String, dark: Int = Color.BLACK, light: Int = Color.WHITE): Bitmap {
        val code = QRCodeWriter().encode(text, BarcodeFormat.QR_CODE, 0, 0)
        val picture = Bitmap.createBitmap(code.width, code.height, Bitmap.Config.ARGB_8888)
        for (y in 0 until code.height) for (x in 0 until code.width) picture.setPixel(x, y, if (code[x, y]) dark else light)
        return picture
    }

    private fun page(width: Int, height: Int, ground: Int, draw: (Canvas) -> Unit) =
        Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888).also { Canvas(it).apply { drawColor(ground) }.let(draw) }

    private fun Canvas.put(code: Bitmap, x: Float, y: Float, scale: Float, turned: Float = 0f, smooth: Boolean = false) =
        drawBitmap(
            code,
            Matrix().apply {
                postScale(scale, scale)
                postRotate(turned, code.width * scale / 2, code.height * scale / 2)
                postTranslate(x, y)
            },
            Paint().apply { isFilterBitmap = smooth },
        )

    /** As a bad camera sees it. */
    private fun Bitmap.noisy(): Bitmap {
        val random = Random(7)
        val pixels = IntArray(width * height).also { getPixels(it, 0, width, 0, 0, width, height) }
        fun near(value: Int) = (value * 3 / 4 + 30 + random.nextInt(-24, 25)).coerceIn(0, 255)
        for (i in pixels.indices) pixels[i] = Color.rgb(near(Color.red(pixels[i])), near(Color.green(pixels[i])), near(Color.blue(pixels[i])))
        setPixels(pixels, 0, width, 0, 0, width, height)
        return this
    }

    private fun kept(picture: Bitmap): Uri {
        // It knows the folder of the test before.
        ReflectionHelpers.getStaticField<HashMap<String, *>>(FileProvider::class.java, "sCache").clear()
        val file = File(app.cacheDir, "pictures/chosen.png").apply { parentFile?.mkdirs() }
        file.outputStream().use { check(picture.compress(Bitmap.CompressFormat.PNG, 100, it)) }
        return FileProvider.getUriForFile(app, "pli.app.pictures", file)
    }

    /** Taps, and chooses this picture in the platform's own chooser. */
    private fun Phone.chooses(picture: Bitmap) {
        val uri = kept(picture)
        tap(R.string.welcome_picture)
        scenario.onActivity {
            val asked = checkNotNull(shadowOf(it).nextStartedActivityForResult) { "no picture was asked for" }
            shadowOf(it).receiveResult(asked.intent, Activity.RESULT_OK, Intent().setData(uri))
        }
    }

    private fun Phone.reads(link: String, picture: Bitmap) {
        chooses(picture)
        wait(hasSetTextAction() and hasText(link))
        tap(R.string.welcome_clear)
        await("the field is not empty") { count(hasSetTextAction() and hasText(link)) == 0 }
    }

    @Test fun a_code_is_read_from_a_picture() {
        val anne = phone()
        val link = world.invite("Anne Martin")
        anne.reads(link, page(400, 400, Color.WHITE) { it.put(code(link), 20f, 20f, 6f) })
        anne.reads(link, page(600, 500, Color.rgb(230, 225, 215)) { it.put(code(link), 140f, 80f, 6f, turned = 90f, smooth = true) })
        anne.reads(link, page(500, 500, Color.WHITE) { it.put(code(link), 100f, 100f, 4f, turned = 180f) }.noisy())
        // A screenshot: small on a tall screen, with words and a bar around it.
        val screen = page(1080, 2400, Color.rgb(250, 248, 245)) { canvas ->
            canvas.drawRect(0f, 0f, 1080f, 160f, Paint().apply { color = Color.rgb(20, 60, 90) })
            val words = Paint().apply { textSize = 44f }
            repeat(14) { canvas.drawText("Votre invitation pour la messagerie, ligne $it", 60f, 300f + it * 60, words) }
            canvas.put(code(link), 380f, 1300f, 5f)
            repeat(8) { canvas.drawText("Elle peut servir jusqu’au 3 décembre, ligne $it", 60f, 1800f + it * 60, words) }
        }
        anne.reads(link, screen)
        // Light on dark, as in a mail at night.
        anne.reads(link, page(500, 500, Color.rgb(18, 18, 18)) { it.put(code(link, Color.WHITE, Color.rgb(18, 18, 18)), 60f, 60f, 5f) })
        // And it lets in.
        anne.chooses(screen)
        anne.wait(hasSetTextAction() and hasText(link))
        anne.tap(R.string.welcome_join)
        anne.sees(R.string.conversations_none)
    }

    @Test fun a_tilted_code_is_read() {
        val code = code("pli://pli.gouv.example/join/" + "Vm9pY2kgdW4gdGV4dGUgYXNzZXog".repeat(5))
        val missed = (0..90 step 6).filter { turned ->
            read(page(500, 500, Color.rgb(230, 225, 215)) { it.put(code, 120f, 120f, 4f, turned.toFloat(), smooth = true) }) == null
        }
        assertEquals("not read when turned by", emptyList<Int>(), missed)
    }

    @Test fun a_picture_without_a_code_is_told() {
        val anne = phone()
        anne.chooses(page(600, 400, Color.WHITE) { it.drawText("Bonjour", 40f, 200f, Paint().apply { textSize = 80f }) }.noisy())
        anne.sees(R.string.welcome_no_code)
        // Half a code is none.
        val link = world.invite("Anne Martin")
        anne.chooses(page(400, 400, Color.WHITE) { it.put(code(link), 20f, 200f, 6f) })
        anne.sees(R.string.welcome_no_code)
        // The next that has one takes the sentence away.
        anne.chooses(page(400, 400, Color.WHITE) { it.put(code(link), 20f, 20f, 6f) })
        anne.wait(hasSetTextAction() and hasText(link))
        anne.gone(R.string.welcome_no_code)
        // What no picture is.
        anne.tap(R.string.welcome_clear)
        val uri = kept(page(10, 10, Color.WHITE) {})
        File(app.cacheDir, "pictures/chosen.png").writeText("no picture")
        anne.tap(R.string.welcome_picture)
        anne.scenario.onActivity { shadowOf(it).receiveResult(checkNotNull(shadowOf(it).nextStartedActivityForResult).intent, Activity.RESULT_OK, Intent().setData(uri)) }
        anne.sees(R.string.welcome_no_code)
    }
}
