package pli.app

import androidx.compose.ui.test.hasSetTextAction
import androidx.compose.ui.test.hasText
import org.junit.Test

class WelcomeTest : OnPhones() {
    @Test fun a_link_lets_a_person_in() {
        val phone = phone()
        phone.sees(R.string.welcome_about)
        phone.type(world.invite("Anne Martin"))
        phone.tap(R.string.welcome_join)
        phone.sees(R.string.conversations_none)
        phone.sees(R.string.conversations_none_how)
    }

    @Test fun a_link_that_does_not_serve_is_told() {
        val phone = phone()
        fun tried(link: String, told: Int) {
            phone.type(link)
            phone.tap(R.string.welcome_join)
            phone.sees(told)
            phone.wait(hasSetTextAction() and hasText(link))
        }
        tried("https://example.org/invitation", R.string.welcome_bad_link)

        val used = world.invite("Bruno Petit")
        world.join("bruno", used)
        tried(used, R.string.welcome_used)

        World().use { other ->
            // Another organisation's server answers at this address.
            val (here, there) = world.invite("Anne Martin") to other.invite("Anne Martin")
            tried(here.replace(address(here), address(there)), R.string.welcome_wrong_organisation)
        }

        val link = world.invite("Anne Martin")
        world.kill()
        tried(link, R.string.welcome_no_network)
        // The link stayed, and serves once there is a network.
        world.start()
        phone.tap(R.string.welcome_join)
        phone.sees(R.string.conversations_none)
    }

    @Test fun an_expired_invitation_is_told() {
        val phone = phone()
        val link = world.invite("Anne Martin", "--valid-for", "1")
        world.expire()
        phone.type(link)
        phone.tap(R.string.welcome_join)
        phone.sees(R.string.welcome_expired)
        phone.wait(hasSetTextAction() and hasText(link))
        // The way on: a new one in its place.
        phone.tap(R.string.welcome_clear)
        phone.gone(R.string.welcome_expired)
        phone.type(world.invite("Anne Martin"))
        phone.tap(R.string.welcome_join)
        phone.sees(R.string.conversations_none)
    }

    private fun address(link: String) = checkNotNull(Regex("127\\.0\\.0\\.1(:|%3A)(\\d+)").find(link)) { link }.value
}
