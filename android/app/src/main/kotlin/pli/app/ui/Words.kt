package pli.app.ui

import androidx.annotation.StringRes
import pli.Content
import pli.Message
import pli.Person
import pli.Role
import pli.app.R

/** What a message says, in one line. */
fun Message.line(): Sentence = when (val content = content) {
    is Content.Text -> verbatim(content.body.replace('\n', ' '))
    is Content.Deleted -> say(R.string.conversation_deleted)
    is Content.Unknown -> say(R.string.conversation_unknown)
    is Content.Unreadable -> say(R.string.conversation_unreadable)
}

val Message.text: String? get() = (content as? Content.Text)?.body

val Person.face get() = Face(initials, colour)

@get:StringRes
val Role.word: Int
    get() = when (this) {
        Role.GUEST -> R.string.app_guest
        Role.MEMBER -> R.string.app_role_member
        Role.ADMIN -> R.string.app_role_admin
        Role.OWNER -> R.string.app_role_owner
    }
