package pli.app.screens.conversation

import pli.Change
import pli.PersonId
import pli.Role
import pli.What
import pli.app.R
import pli.app.ui.Names
import pli.app.ui.Sentence
import pli.app.ui.say

/** What a change says to this person, who may have made it or be the one it names. */
fun Change.sentence(me: PersonId?): Sentence = when {
    me != null && by.id == me -> own(this)
    me != null && people.singleOrNull()?.id == me -> toMe(this)
    else -> byAnother(this)
}

/** Of those whom it names: a name, or several as the language lists them. */
private val Change.named: Any get() = people.singleOrNull()?.name ?: Names(people.map { it.name })

/** What somebody else did, to others or to nobody. */
private fun byAnother(change: Change): Sentence {
    val by = change.by.name
    return when (val what = change.what) {
        is What.Founded -> say(R.string.change_founded, by)
        is What.Joined -> say(R.string.change_joined)
        is What.Added -> say(R.string.change_added, by, change.named)
        is What.Removed -> say(R.string.change_removed, by, change.named)
        is What.DeviceAdded -> say(R.string.change_device_added, change.named)
        is What.DeviceRemoved -> say(R.string.change_device_removed, change.named)
        is What.Left -> say(R.string.change_left, by)
        is What.RoleSet -> when (what.role) {
            Role.OWNER -> say(R.string.change_role_owner, by, change.named)
            Role.ADMIN -> say(R.string.change_role_admin, by, change.named)
            Role.MEMBER, Role.GUEST -> say(R.string.change_role_member, by, change.named)
        }
        is What.Renamed -> say(R.string.change_renamed, by, what.name)
        is What.TopicSet -> say(R.string.change_topic, by, what.topic)
        is What.SettingsChanged -> say(R.string.change_settings, by)
        is What.Returned -> say(R.string.change_returned, by)
        is What.LostSecrets -> say(R.string.change_lost_secrets, by)
        is What.Gap -> say(R.string.change_gap)
        is What.Fork -> say(R.string.change_fork, by)
        is What.PutBack -> say(R.string.change_put_back)
    }
}

/** What this person did. */
private fun own(change: Change): Sentence = when (val what = change.what) {
    is What.Founded -> say(R.string.change_you_founded)
    is What.Added -> say(R.string.change_you_added, change.named)
    is What.Removed -> say(R.string.change_you_removed, change.named)
    is What.DeviceAdded -> if (change.toSelf) say(R.string.change_you_device_added) else byAnother(change)
    is What.DeviceRemoved -> if (change.toSelf) say(R.string.change_you_device_removed) else byAnother(change)
    is What.Left -> say(R.string.change_you_left)
    is What.RoleSet -> when (what.role) {
        Role.OWNER -> say(R.string.change_you_role_owner, change.named)
        Role.ADMIN -> say(R.string.change_you_role_admin, change.named)
        Role.MEMBER, Role.GUEST -> say(R.string.change_you_role_member, change.named)
    }
    is What.Renamed -> say(R.string.change_you_renamed, what.name)
    is What.TopicSet -> say(R.string.change_you_topic, what.topic)
    is What.SettingsChanged -> say(R.string.change_you_settings)
    is What.Returned -> say(R.string.change_you_returned)
    is What.Joined, is What.LostSecrets, is What.Gap, is What.Fork, is What.PutBack -> byAnother(change)
}

private val Change.toSelf get() = people.singleOrNull()?.id == by.id

/** What somebody else did to this person alone. */
private fun toMe(change: Change): Sentence {
    val by = change.by.name
    return when (val what = change.what) {
        is What.Added -> say(R.string.change_added_you, by)
        is What.Removed -> say(R.string.change_removed_you, by)
        is What.DeviceAdded -> say(R.string.change_you_device_added)
        is What.DeviceRemoved -> say(R.string.change_you_device_removed)
        is What.RoleSet -> when (what.role) {
            Role.OWNER -> say(R.string.change_role_owner_you, by)
            Role.ADMIN -> say(R.string.change_role_admin_you, by)
            Role.MEMBER, Role.GUEST -> say(R.string.change_role_member_you, by)
        }
        else -> byAnother(change)
    }
}
