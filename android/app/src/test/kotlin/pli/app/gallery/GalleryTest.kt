package pli.app.gallery

import android.graphics.Bitmap
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

/** Takes all pictures: `android/check gallery`. Each is named by screen, state and setting. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class GalleryTest {
    @Test fun all_pictures_are_taken() {
        val folder = File(System.getProperty("pli.build"), "gallery").apply { mkdirs() }
        val wrong = Setting.all.flatMap { setting ->
            Studio(setting).use { studio ->
                states.flatMap { picture ->
                    val shot = studio.take(picture.content)
                    val name = "${picture.screen}.${picture.state}.${setting.name}"
                    File(folder, "$name.png").outputStream().use { shot.bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
                    val found = look(shot)
                    File(folder, "$name.txt").run { if (found.isEmpty()) delete() else writeText(found.joinToString("\n")) }
                    found.map { "$name: $it" }
                }
            }
        }
        assertEquals("", wrong.joinToString("\n"))
    }
}
