package pli.app.gallery

import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config

/** Every screen in every state, looked at. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class PicturesTest {
    @Test fun every_state_is_fit_to_ship() = fit(Setting.plain)

    @Test fun every_state_is_fit_to_ship_in_the_dark_in_french_and_large() = fit(Setting.hard)

    private fun fit(setting: Setting) {
        assertTrue("there is nothing to look at", states.isNotEmpty())
        val wrong = Studio(setting).use { studio ->
            states.flatMap { picture -> look(studio.take(picture.content)).map { "${picture.screen}, ${picture.state}: $it" } }
        }
        if (wrong.isNotEmpty()) fail(wrong.joinToString("\n", "${setting.name}:\n"))
    }
}
