package pli.app.screens.group

import androidx.compose.runtime.Immutable
import java.time.Duration
import pli.Permission
import pli.PersonId
import pli.Role
import pli.app.ui.Face
import pli.app.ui.Sentence

@Immutable
data class GroupState(
    val name: String = "",
    val topic: String = "",
    val face: Face? = null,
    /** Absent until the store answered. */
    val members: List<MemberRow>? = null,
    val may: Set<Permission> = emptySet(),
    /** The least role for each. */
    val least: Map<Permission, Role> = emptyMap(),
    val lifetime: Duration? = null,
    val muted: Boolean = false,
    /** In it, and so able to leave it. */
    val inside: Boolean = true,
    /** The own person is the only owner: another has to be named before leaving. */
    val soleOwner: Boolean = false,
    /** A change of this device waits for the network. */
    val queued: Boolean = false,
    val problem: Sentence? = null,
) {
    val admin get() = Permission.SET_ROLES in may
}

@Immutable
data class MemberRow(
    val id: PersonId,
    val name: String,
    val department: String?,
    val face: Face,
    val role: Role,
    val me: Boolean = false,
    val guest: Boolean = false,
    /** The roles that the own person may give them. */
    val roles: List<Role> = emptyList(),
    val removable: Boolean = false,
)
