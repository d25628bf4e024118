package pli.app.screens.group

import androidx.compose.runtime.Composable
import androidx.compose.ui.tooling.preview.Preview
import java.time.Duration
import pli.Permission
import pli.PersonId
import pli.Role
import pli.app.gallery.Picture
import pli.app.gallery.Samples
import pli.app.ui.AppTheme
import pli.app.ui.Face

private fun member(index: Int, role: Role, admin: Boolean = false) = Samples.people[index % Samples.people.size].let { person ->
    MemberRow(
        PersonId("member-$index"), person.name, person.department, person.face, role,
        me = index == 0, guest = role == Role.GUEST,
        roles = if (admin && index > 0 && role != Role.GUEST) listOf(Role.OWNER, Role.ADMIN, Role.MEMBER) - role else emptyList(),
        removable = admin && index > 0,
    )
}

private fun members(count: Int, admin: Boolean) = List(count) { index ->
    val role = when {
        index == if (admin) 0 else 1 -> Role.OWNER
        index == 2 -> Role.ADMIN
        index == 5 -> Role.GUEST
        else -> Role.MEMBER
    }
    member(index, role, admin)
}.sortedByDescending { it.role }

private val least = mapOf(Permission.POST to Role.GUEST, Permission.ADD to Role.ADMIN, Permission.RENAME to Role.ADMIN)

private val asMember = GroupState(
    "Crue de la Loire", "Suivi des niveaux et des levées, de Gien à Blois", Face("CL", 6, true), members(6, false),
    setOf(Permission.POST), least, Duration.ofDays(30),
)

private val asAdmin = asMember.copy(members = members(6, true), may = Permission.entries.toSet())

val groupStates = listOf(
    of("as_member", asMember),
    of("as_admin", asAdmin),
    of("last_owner", asAdmin.copy(soleOwner = true), Asked.Leaving),
    of("two", asMember.copy(topic = "", members = members(2, false), lifetime = null)),
    of("five_hundred", asMember.copy(members = members(500, false))),
    of("change_queued", asAdmin.copy(queued = true)),
)

private fun of(name: String, state: GroupState, asked: Asked? = null) = Picture("group", name) { GroupView(state, GroupEvents(), first = asked) }

@Preview
@Composable
private fun Previews() = AppTheme { groupStates[1].content() }
