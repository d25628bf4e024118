package pli.app

import androidx.compose.ui.test.hasContentDescription
import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import androidx.compose.ui.test.performClick
import androidx.compose.ui.test.performScrollTo
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Test
import pli.Verification
import pli.server.until

class TrustTest : OnPhones() {
    @Test fun a_safety_number_is_compared() {
        val anne = phoneOf("Anne Martin")
        val bruno = world.enrol("Bruno Petit")
        runBlocking { bruno.pair(bruno.find("Anne Martin").id).send("Bonjour Anne") }
        anne.tap("Bruno Petit")
        anne.sees("Bonjour Anne")
        anne.wait(hasText("Bruno Petit") and hasContentDescription(anne.string(R.string.app_back)).not()).performClick()
        anne.sees(R.string.person_not_verified)
        val number = runBlocking { bruno.safetyNumber(bruno.find("Anne Martin").id) }.filter(Char::isDigit)
        anne.wait(hasContentDescription(number.chunked(5).joinToString(", ")))
        anne.wait(hasText(anne.string(R.string.person_verify))).performScrollTo()
        anne.tap(R.string.person_verify)
        anne.sees(R.string.person_verified)
        val id = anne.client.find("Bruno Petit").id
        assertEquals(Verification.VERIFIED, runBlocking { anne.client.verification(id) })
        // A further phone of theirs: another number.
        val further = world.join("bruno-2", world.inviteDevice(id))
        anne.sees(anne.string(R.string.person_changed, "Bruno Petit"))
        check(runBlocking { further.me().name } == "Bruno Petit")
    }

    @Test fun a_new_device_is_approved() {
        val anne = phoneOf("Anne Martin")
        val bruno = world.enrol("Bruno Petit")
        runBlocking { bruno.pair(bruno.find("Anne Martin").id).send("Bonjour Anne") }
        anne.sees("Bonjour Anne")
        val me = runBlocking { anne.client.me().id }
        val further = world.join("anne-2", world.inviteDevice(me))
        anne.tap(R.string.settings_title)
        anne.tap(R.string.devices_title)
        anne.sees(R.string.devices_other)
        anne.tap(R.string.devices_approve)
        val number = runBlocking { further.deviceList() }.first { !it.`this` }.number.filter(Char::isDigit)
        anne.wait(hasContentDescription(number.chunked(5).joinToString(", ")))
        anne.tap(R.string.person_verify)
        further.named("Bruno Petit")
        anne.await("it can still be let in") { anne.count(hasText(anne.string(R.string.devices_approve))) == 0 }
    }

    @Test fun a_lost_device_is_revoked() {
        val anne = phoneOf("Anne Martin")
        val me = runBlocking { anne.client.me().id }
        val lost = world.join("anne-2", world.inviteDevice(me))
        anne.tap(R.string.settings_title)
        anne.tap(R.string.devices_title)
        anne.sees(R.string.devices_other)
        anne.tap(R.string.devices_revoke)
        anne.sees(R.string.devices_revoke_sure)
        anne.choose(R.string.devices_revoke)
        anne.sees(R.string.devices_revoked)
        // And from the other side: this phone is the lost one.
        runBlocking { lost.close() }
        val again = world.join("anne-3", world.inviteDevice(me))
        val here = runBlocking { until { again.deviceList().find { !it.revoked && !it.`this` } } }
        runBlocking { again.revoke(here.id) }
        anne.back()
        anne.sees(R.string.settings_notifications)
        anne.back()
        anne.sees(R.string.conversations_revoked)
        anne.tap(R.string.conversations_join_again)
        anne.wait(hasSetTextAction())
        anne.type(world.invite("Anne Martin"))
        anne.tap(R.string.welcome_join)
        anne.sees(R.string.conversations_forget_sure)
        anne.choose(R.string.welcome_join)
        anne.sees(R.string.conversations_none)
    }
}
