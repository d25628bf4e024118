package pli.app

import android.content.ClipboardManager
import android.content.pm.ApplicationInfo
import android.view.WindowManager
import androidx.compose.ui.semantics.SemanticsActions
import androidx.compose.ui.semantics.SemanticsProperties
import androidx.compose.ui.semantics.getOrNull
import androidx.compose.ui.test.SemanticsMatcher
import androidx.compose.ui.test.hasScrollAction
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.performScrollToNode
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.RuntimeEnvironment
import pli.app.session.Appearance
import pli.app.session.Settings
import pli.app.ui.system

class LifeTest : OnPhones() {
    @Test fun settings_are_kept() {
        val anne = phoneOf("Anne Martin")
        anne.tap(R.string.settings_title)
        fun find(text: String) {
            anne.wait(hasScrollAction()).performScrollToNode(hasText(text))
            anne.tap(text)
        }
        find(anne.string(R.string.settings_appearance_dark))
        find(anne.string(R.string.settings_notifications_content))
        find("Français")
        anne.sees("Réglages")
        // As a new process reads them.
        val kept = Settings(app).choices.value
        assertEquals(Appearance.DARK, kept.appearance)
        assertEquals("fr", kept.language)
        assertTrue(kept.content)
        anne.scenario.recreate()
        anne.sees("Réglages")
    }

    @Test fun turning_the_phone_loses_nothing() {
        val (anne, _, there) = talk()
        anne.hold("Bonjour Anne")
        anne.tap(R.string.conversation_reply)
        anne.type("À moitié")
        RuntimeEnvironment.setQualifiers("+land")
        anne.scenario.recreate()
        anne.sees(R.string.conversation_replying, "Bruno Petit")
        anne.wait(hasSetTextAction() and hasText("À moitié"))
        anne.tap(R.string.conversation_send)
        assertEquals("Bonjour Anne", there.sees("À moitié").replyTo?.text)
    }

    @Test fun a_tablet_shows_both() {
        RuntimeEnvironment.setQualifiers("w1280dp-h800dp")
        val (anne) = talk()
        anne.sees(R.string.conversations_title)
        anne.sees("Bonjour Anne")
        anne.back()
        anne.sees(R.string.conversations_choose)
    }

    @Test fun the_screen_is_covered_unless_allowed() {
        val anne = phoneOf("Anne Martin")
        fun covered(): Boolean {
            var flags = 0
            anne.scenario.onActivity { flags = it.window.attributes.flags }
            return flags and WindowManager.LayoutParams.FLAG_SECURE != 0
        }
        assertTrue(covered())
        anne.tap(R.string.settings_title)
        anne.tap(R.string.settings_screenshots)
        anne.await("still covered") { !covered() }
        anne.tap(R.string.settings_screenshots)
        anne.await("not covered") { covered() }
    }

    @Test fun nothing_is_backed_up() {
        val flags = app.applicationInfo.flags
        assertEquals(0, flags and ApplicationInfo.FLAG_ALLOW_BACKUP)
        val parser = app.resources.getXml(R.xml.extraction)
        val excluded = HashMap<String, MutableSet<String>>()
        var part = ""
        while (parser.next() != org.xmlpull.v1.XmlPullParser.END_DOCUMENT) {
            if (parser.eventType != org.xmlpull.v1.XmlPullParser.START_TAG) continue
            assertNotEquals("include", parser.name)
            if (parser.name == "exclude") excluded.getOrPut(part) { HashSet() } += parser.getAttributeValue(null, "domain") else part = parser.name
        }
        val all = setOf("root", "file", "database", "sharedpref", "external")
        for (way in listOf("cloud-backup", "device-transfer")) assertTrue(way, excluded[way].orEmpty().containsAll(all))
        assertTrue(app.noBackupFilesDir.list().orEmpty().isEmpty() || app.noBackupFilesDir.path.contains("no_backup"))
    }

    @Test fun what_is_copied_is_marked_as_sensitive() {
        val (anne) = talk()
        anne.hold("Bonjour Anne")
        anne.tap(R.string.conversation_copy)
        val clip = checkNotNull(app.system<ClipboardManager>().primaryClip)
        assertEquals("Bonjour Anne", clip.getItemAt(0).text)
        assertTrue(clip.description.extras.getBoolean("android.content.extra.IS_SENSITIVE"))
    }

    @Test fun what_can_be_touched_says_what_it_is() {
        val (anne) = talk()
        fun walk(screen: String) {
            val touchable = SemanticsMatcher("can be touched") {
                it.config.contains(SemanticsActions.OnClick) || it.config.contains(SemanticsActions.OnLongClick) || it.config.contains(SemanticsActions.SetText)
            }
            val silent = SemanticsMatcher("says nothing") {
                it.config.getOrNull(SemanticsProperties.ContentDescription).isNullOrEmpty() &&
                    it.config.getOrNull(SemanticsProperties.Text).isNullOrEmpty() && it.config.getOrNull(SemanticsProperties.EditableText).isNullOrEmpty()
            }
            assertTrue("nothing can be touched on $screen", anne.count(touchable) > 0)
            assertEquals("silent on $screen: ${anne.places(touchable and silent)}", 0, anne.count(touchable and silent))
        }
        walk("the conversation")
        anne.hold("Bonjour Anne")
        anne.sees(R.string.conversation_reply)
        walk("the actions")
        anne.tap(R.string.conversation_reply)
        anne.back()
        anne.sees(R.string.conversations_title)
        walk("the list")
        anne.tap(R.string.settings_title)
        anne.sees(R.string.settings_notifications)
        walk("the settings")
        anne.back()
        anne.tap(R.string.conversations_new)
        anne.sees("Bruno Petit")
        walk("a new conversation")
        // All that a long press does is there for those who can't press for long.
        anne.back()
        anne.tap("Bruno Petit")
        val actions = anne.wait(hasText("Bonjour Anne")).fetchSemanticsNode().config.getOrNull(SemanticsActions.CustomActions).orEmpty().map { it.label }
        assertTrue("$actions", anne.string(R.string.conversation_reply) in actions && anne.string(R.string.conversation_copy) in actions)
    }
}
