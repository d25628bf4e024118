package pli.app

import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasScrollAction
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performScrollToNode
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test
import pli.Client
import pli.Conversation
import pli.Role

class GroupTest : OnPhones() {
    /** A group of these, made by [owner]. */
    private fun group(owner: Client, vararg others: Client): Conversation = runBlocking {
        val people = others.map { it.me().name }.map { owner.find(it).id }
        val group = owner.createGroup("Crue de la Loire", people)
        others.forEach { it.named("Crue de la Loire") }
        group
    }

    private fun Phone.details() {
        tap("Crue de la Loire")
        wait(hasContentDescription(string(R.string.app_back)))
        sees("2 people", part = true).performClick()
        sees(R.string.group_title)
    }

    /** Brings what this says into sight, and taps it. */
    private fun Phone.find(text: String) {
        wait(hasScrollAction()).performScrollToNode(hasText(text) or hasContentDescription(text))
        tap(text)
    }

    @Test fun a_group_is_made() {
        val anne = phoneOf("Anne Martin")
        val bruno = world.enrol("Bruno Petit")
        val chloe = world.enrol("Chloé Roux")
        anne.tap(R.string.conversations_new)
        anne.tap("Bruno Petit")
        anne.tap("Chloé Roux")
        anne.wait(hasSetTextAction() and hasText(anne.string(R.string.new_name)))
        anne.typeInto(R.string.new_name, "Crue de la Loire")
        anne.tap(anne.plural(R.plurals.new_make, 2, 2))
        anne.sees("3 people")
        anne.say("Bonjour à tous")
        for (client in listOf(bruno, chloe)) client.named("Crue de la Loire").sees("Bonjour à tous")
    }

    /** Anne, who founded a group, at its details; and Bruno, who may write in it. */
    private fun twoInAGroup(): Pair<Phone, Phone> {
        val anne = phoneOf("Anne Martin")
        val bruno = second("Bruno Petit")
        group(anne.client, bruno.client)
        bruno.tap("Crue de la Loire")
        bruno.wait(hasSetTextAction())
        anne.details()
        return anne to bruno
    }

    @Test fun an_admin_removes_a_member_and_both_see_it() {
        val (anne, bruno) = twoInAGroup()
        anne.find(anne.string(R.string.group_actions, "Bruno Petit"))
        anne.tap(R.string.group_remove)
        anne.sees(anne.string(R.string.group_remove_sure, "Bruno Petit"))
        anne.choose(R.string.group_remove)
        anne.gone("Bruno Petit")
        anne.back()
        anne.sees("1 person")
        anne.sees(R.string.change_you_removed, "Bruno Petit")
        bruno.sees(R.string.change_removed_you, "Anne Martin")
        bruno.sees(R.string.conversation_removed)
        bruno.await("the composer is still there") { bruno.count(hasSetTextAction()) == 0 }
    }

    @Test fun roles_say_what_one_may_do() {
        val anne = phoneOf("Anne Martin")
        val bruno = world.enrol("Bruno Petit")
        val group = group(bruno, anne.client)
        anne.details()
        anne.sees("Bruno Petit")
        assertEquals(0, anne.count(hasText(anne.string(R.string.group_add))) - anne.count(hasText(anne.string(R.string.group_may_add))))
        assertEquals(0, anne.count(hasContentDescription(anne.string(R.string.group_rename))))
        runBlocking { group.setRole(bruno.find("Anne Martin").id, Role.ADMIN) }
        anne.wait(hasContentDescription(anne.string(R.string.group_rename))).performClick()
        anne.typeInto(R.string.group_name, "Crue du Cher")
        anne.tap(R.string.conversation_save)
        bruno.named("Crue du Cher")
        anne.sees("Crue du Cher")
        // And the conversation tells both, to the one who did it and to whom it was done.
        anne.back()
        anne.sees(R.string.change_role_admin_you, "Bruno Petit")
        anne.sees(R.string.change_you_renamed, "Crue du Cher")
    }

    @Test fun announcements_are_for_admins_alone() {
        val (anne, bruno) = twoInAGroup()
        anne.find(anne.string(R.string.group_may_post))
        anne.choose(R.string.group_admins)
        bruno.sees(R.string.conversation_announcements)
        bruno.await("the composer is still there") { bruno.count(hasSetTextAction()) == 0 }
        anne.back()
        anne.say("Réunion à 14 h")
        bruno.sees("Réunion à 14 h")
    }

    @Test fun the_last_owner_is_told_before_leaving() {
        val anne = phoneOf("Anne Martin")
        val bruno = world.enrol("Bruno Petit")
        group(anne.client, bruno)
        anne.details()
        anne.find(anne.string(R.string.group_leave))
        anne.sees(R.string.group_last_owner)
        anne.tap(R.string.app_ok)
        anne.find(anne.string(R.string.group_actions, "Bruno Petit"))
        anne.tap(R.string.group_make_owner)
        anne.await("Bruno is no owner") { runBlocking { bruno.conversationList().any { it.myRole == Role.OWNER } } }
        anne.find(anne.string(R.string.group_leave))
        anne.sees(R.string.group_leave_sure)
        anne.choose(R.string.group_leave)
        anne.await("Anne is still there") { runBlocking { bruno.conversationList().any { it.memberCount == 1 } } }
        anne.back()
        anne.sees(R.string.conversation_left)
    }

    @Test fun a_guest_is_announced() {
        val anne = phoneOf("Anne Martin")
        val guest = world.enrol("Gilles Invité", "--guest-until", "2099-12-31")
        group(anne.client, guest)
        anne.tap("Crue de la Loire")
        anne.sees(anne.plural(R.plurals.conversation_guests, 1, 1))
    }
}
