package pli.app

import androidx.compose.ui.test.hasContentDescription
import org.junit.Test

class TalkTest : OnPhones() {
    @Test fun two_people_talk() {
        val anne = phoneOf("Anne Martin")
        val bruno = second("Bruno Petit")
        anne.sees(R.string.conversations_none)
        anne.tap(R.string.conversations_new)
        anne.type("bruno")
        anne.tap("Bruno Petit")
        anne.tap(R.string.new_write, "Bruno Petit")
        anne.sees(R.string.conversation_empty)
        anne.say("Bonjour Bruno")
        anne.wait(hasContentDescription(anne.string(R.string.conversation_sent)))

        bruno.sees("Bonjour Bruno")
        bruno.tap("Anne Martin")
        bruno.say("Bonjour Anne")
        anne.sees("Bonjour Anne")
        anne.back()
        anne.sees(R.string.conversations_title)
        anne.sees("Bonjour Anne")
    }
}
