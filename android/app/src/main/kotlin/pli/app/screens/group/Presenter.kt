package pli.app.screens.group

import java.time.Duration
import java.time.Instant
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.flow.map
import pli.ConversationId
import pli.ConversationInfo
import pli.DeliveryState
import pli.Member
import pli.Membership
import pli.Permission
import pli.PersonId
import pli.Role
import pli.TimelineItem
import pli.app.session.Presenter
import pli.app.session.Session
import pli.app.ui.Face
import pli.app.ui.Sentence
import pli.app.ui.face

class GroupPresenter(session: Session, private val id: ConversationId) : Presenter<GroupState>(session, GroupState()) {
    init {
        follow({ client -> client.conversation(id).let { it.info.combine(it.members, ::Pair) } }) { (info, members) -> known(info, members) }
        follow({ client -> client.conversation(id).timeline().items.map { items -> items.any { it.waits() } } }) { queued ->
            show { it.copy(queued = queued) }
        }
    }

    override fun GroupState.with(problem: Sentence?) = copy(problem = problem)

    private suspend fun known(info: ConversationInfo, members: List<Member>) {
        val me = session.client().me().id
        show {
            it.copy(
                name = info.name,
                topic = info.topic,
                face = Face(info.initials, info.colour, group = true),
                members = members.map { member -> row(member, info, me) },
                may = info.may,
                least = mapOf(Permission.POST to info.least.post, Permission.ADD to info.least.add, Permission.RENAME to info.least.rename),
                lifetime = info.lifetime,
                muted = info.mutedUntil.let { until -> until != null && until > Instant.now() },
                inside = info.membership !in setOf(Membership.REMOVED, Membership.LEFT),
                soleOwner = info.soleOwner,
            )
        }
    }

    fun rename(name: String) = work { it.conversation(id).rename(name.trim()) }

    fun topic(topic: String) = work { it.conversation(id).setTopic(topic.trim()) }

    fun add(people: List<PersonId>) = work { it.conversation(id).add(people) }

    fun remove(person: PersonId) = work { it.conversation(id).remove(listOf(person)) }

    fun setRole(person: PersonId, role: Role) = work { it.conversation(id).setRole(person, role) }

    fun setLeastRole(permission: Permission, role: Role) = work { it.conversation(id).setLeastRole(permission, role) }

    fun setLifetime(lifetime: Duration?) = work { it.conversation(id).setLifetime(lifetime) }

    fun mute(on: Boolean) = work { it.conversation(id).mute(if (on) Instant.now() + FOR_EVER else null) }

    fun leave() = work { it.conversation(id).leave() }

    private companion object {
        val FOR_EVER: Duration = Duration.ofDays(36_500)
    }
}

private fun TimelineItem.waits() = this is TimelineItem.Changed && change.delivery is DeliveryState.Waiting

private fun row(member: Member, info: ConversationInfo, me: PersonId): MemberRow {
    val person = member.person
    val mine = person.id == me
    // Nobody changes who stands above, nor makes anybody more than themselves.
    val below = member.role <= info.myRole
    val guest = person.guestUntil != null
    return MemberRow(
        person.id,
        person.name,
        person.department?.ifEmpty { null },
        person.face,
        member.role,
        mine,
        guest,
        if (Permission.SET_ROLES in info.may && below && !mine && !guest) {
            listOf(Role.OWNER, Role.ADMIN, Role.MEMBER).filter { it <= info.myRole && it != member.role }
        } else {
            emptyList()
        },
        Permission.REMOVE in info.may && below && !mine,
    )
}
