package pli.app.screens.group

import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.items
import androidx.compose.foundation.selection.toggleable
import androidx.compose.material3.DropdownMenu
import androidx.compose.material3.DropdownMenuItem
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Switch
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.saveable.Saver
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.Role as Kind
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.unit.dp
import java.time.Duration
import pli.Permission
import pli.PersonId
import pli.Role
import pli.app.R
import pli.app.ui.Avatar
import pli.app.ui.Drawing
import pli.app.ui.DrawingButton
import pli.app.ui.Gap
import pli.app.ui.Heading
import pli.app.ui.Mark
import pli.app.ui.Notice
import pli.app.ui.PersonLine
import pli.app.ui.largeText
import pli.app.ui.Screen
import pli.app.ui.word

class GroupEvents(
    val rename: (String) -> Unit = {},
    val topic: (String) -> Unit = {},
    val add: () -> Unit = {},
    val remove: (PersonId) -> Unit = {},
    val role: (PersonId, Role) -> Unit = { _, _ -> },
    val least: (Permission, Role) -> Unit = { _, _ -> },
    val lifetime: (Duration?) -> Unit = {},
    val mute: (Boolean) -> Unit = {},
    val leave: () -> Unit = {},
    val person: (PersonId) -> Unit = {},
    val told: () -> Unit = {},
)

/** What the group's dialogs are about: at most one is open. */
internal sealed interface Asked {
    data object Name : Asked
    data object Topic : Asked
    data class Least(val permission: Permission) : Asked
    data object Lifetime : Asked
    data class Removing(val member: String) : Asked
    data object Leaving : Asked

    companion object {
        /** In words, which outlive the process. */
        val Saver = Saver<Asked?, ArrayList<String>>(
            { asked ->
                when (asked) {
                    null -> arrayListOf()
                    Name -> arrayListOf("name")
                    Topic -> arrayListOf("topic")
                    is Least -> arrayListOf("least", asked.permission.name)
                    Lifetime -> arrayListOf("lifetime")
                    is Removing -> arrayListOf("removing", asked.member)
                    Leaving -> arrayListOf("leaving")
                }
            },
            { words ->
                when (words.firstOrNull()) {
                    "name" -> Name
                    "topic" -> Topic
                    "least" -> Least(Permission.valueOf(words[1]))
                    "lifetime" -> Lifetime
                    "removing" -> Removing(words[1])
                    "leaving" -> Leaving
                    else -> null
                }
            },
        )
    }
}

@Composable
internal fun GroupView(state: GroupState, events: GroupEvents, onBack: (() -> Unit)? = {}, first: Asked? = null) {
    var asked by rememberSaveable(stateSaver = Asked.Saver) { mutableStateOf(first) }
    Screen(stringResource(R.string.group_title), onBack, state.problem, events.told) { insets ->
        // All at once: a list that were short at first would forget how far it was scrolled.
        if (state.members != null) LazyColumn(Modifier.fillMaxSize(), contentPadding = insets) {
            item("head") { Head(state, asked, events) { asked = it } }
            if (state.inside) item("settings") { Settings(state, events) { asked = it } }
            val members = state.members
            item("members") { Members(members.size, Permission.ADD in state.may && state.inside, events.add) }
            items(members, { it.id.text }) { member -> Member(member, events) { asked = Asked.Removing(member.id.text) } }
            if (state.inside) item("leave") { Leave { asked = Asked.Leaving } }
        }
    }
    asked?.let { Dialogs(it, state, events) { asked = null } }
}

@Composable
private fun Head(state: GroupState, asked: Asked?, events: GroupEvents, ask: (Asked?) -> Unit) = Column(
    Modifier.fillMaxWidth().padding(Gap.edge),
    Arrangement.spacedBy(Gap.small),
    Alignment.CenterHorizontally,
) {
    if (state.queued) Notice(stringResource(R.string.group_queued), R.drawable.clock, Modifier.padding(bottom = Gap.medium))
    if (state.face != null) Avatar(state.face, 88.dp, Modifier.padding(bottom = Gap.medium))
    val may = Permission.RENAME in state.may && state.inside
    if (asked == Asked.Name) return@Column Words(stringResource(R.string.group_name), state.name, false, events.rename) { ask(null) }
    if (asked == Asked.Topic) return@Column Words(stringResource(R.string.group_topic), state.topic, true, events.topic) { ask(null) }
    Row(verticalAlignment = Alignment.CenterVertically) {
        Text(
            state.name,
            Modifier.weight(1f, fill = false).semantics { heading() },
            style = MaterialTheme.typography.headlineSmall,
            textAlign = TextAlign.Center,
        )
        if (may) DrawingButton(R.drawable.edit, stringResource(R.string.group_rename)) { ask(Asked.Name) }
    }
    val topic = state.topic.ifEmpty { stringResource(R.string.group_no_topic) }
    Row(
        (if (may) Modifier.clickable(onClickLabel = stringResource(R.string.group_topic), role = Kind.Button) { ask(Asked.Topic) } else Modifier)
            .heightIn(min = Gap.target).padding(horizontal = Gap.medium),
        Arrangement.spacedBy(Gap.medium),
        Alignment.CenterVertically,
    ) {
        Text(
            topic,
            Modifier.weight(1f, fill = false),
            color = MaterialTheme.colorScheme.onSurfaceVariant,
            style = MaterialTheme.typography.bodyLarge,
            textAlign = TextAlign.Center,
        )
        if (may) Drawing(R.drawable.edit, null, size = 18.dp, tint = MaterialTheme.colorScheme.onSurfaceVariant)
    }
}

@Composable
private fun Settings(state: GroupState, events: GroupEvents, ask: (Asked) -> Unit) = Column {
    Row(
        Modifier
            .fillMaxWidth()
            .toggleable(state.muted, role = Kind.Switch, onValueChange = events.mute)
            .heightIn(min = 56.dp)
            .padding(horizontal = Gap.edge),
        Arrangement.spacedBy(Gap.edge),
        Alignment.CenterVertically,
    ) {
        Text(stringResource(R.string.conversations_muted), Modifier.weight(1f), style = MaterialTheme.typography.bodyLarge)
        Switch(state.muted, null)
    }
    Fact(
        stringResource(R.string.group_lifetime),
        lifetime(state.lifetime),
        Permission.SET_LIFETIME in state.may,
    ) { ask(Asked.Lifetime) }
    Heading(stringResource(R.string.group_who_may))
    RIGHTS.forEach { (permission, words) ->
        Fact(stringResource(words), who(state.least[permission]), state.admin) { ask(Asked.Least(permission)) }
    }
}

internal val RIGHTS = listOf(
    Permission.POST to R.string.group_may_post,
    Permission.ADD to R.string.group_may_add,
    Permission.RENAME to R.string.group_may_rename,
)

@Composable
internal fun who(role: Role?): String = when (role) {
    null, Role.GUEST -> stringResource(R.string.group_everyone)
    Role.MEMBER -> stringResource(R.string.group_no_guests)
    Role.ADMIN -> stringResource(R.string.group_admins)
    Role.OWNER -> stringResource(R.string.group_owners)
}

@Composable
internal fun lifetime(lifetime: Duration?): String {
    if (lifetime == null) return stringResource(R.string.group_for_ever)
    val days = lifetime.toDays().toInt().coerceAtLeast(1)
    return pluralStringResource(R.plurals.group_days, days, days)
}

@Composable
private fun Fact(name: String, value: String, changeable: Boolean, onChange: () -> Unit) = Row(
    (if (changeable) Modifier.clickable(role = Kind.Button, onClick = onChange) else Modifier.semantics(mergeDescendants = true) {})
        .fillMaxWidth().heightIn(min = 56.dp).padding(horizontal = Gap.edge, vertical = Gap.medium),
    Arrangement.spacedBy(Gap.edge),
    Alignment.CenterVertically,
) {
    val quiet = MaterialTheme.colorScheme.onSurfaceVariant
    if (largeText) {
        Column(Modifier.weight(1f)) {
            Text(name, style = MaterialTheme.typography.bodyLarge)
            Text(value, color = quiet, style = MaterialTheme.typography.bodyMedium)
        }
    } else {
        Text(name, Modifier.weight(1f), style = MaterialTheme.typography.bodyLarge)
        Text(value, Modifier.widthIn(max = 160.dp), color = quiet, style = MaterialTheme.typography.bodyMedium, textAlign = TextAlign.End)
    }
    if (changeable) Drawing(R.drawable.forward, null, size = 18.dp, tint = MaterialTheme.colorScheme.onSurfaceVariant)
}

@Composable
private fun Members(count: Int, mayAdd: Boolean, onAdd: () -> Unit) = Column {
    Heading(stringResource(R.string.group_members) + " · " + pluralStringResource(R.plurals.conversation_members, count, count))
    if (mayAdd) {
        Row(
            Modifier.fillMaxWidth().clickable(role = Kind.Button, onClick = onAdd).heightIn(min = 56.dp).padding(horizontal = Gap.edge),
            Arrangement.spacedBy(Gap.edge),
            Alignment.CenterVertically,
        ) {
            Drawing(R.drawable.add_person, null, Modifier.padding(Gap.medium), tint = MaterialTheme.colorScheme.primary)
            Text(stringResource(R.string.group_add), color = MaterialTheme.colorScheme.primary, style = MaterialTheme.typography.bodyLarge)
        }
    }
}

@Composable
private fun Member(member: MemberRow, events: GroupEvents, onRemove: () -> Unit) {
    var menu by remember { mutableStateOf(false) }
    val name = if (member.me) "${member.name} (${stringResource(R.string.app_you)})" else member.name
    Row(verticalAlignment = Alignment.CenterVertically) {
        PersonLine(
            name,
            member.department,
            member.face,
            Modifier.weight(1f).clickable(onClickLabel = stringResource(R.string.person_title), role = Kind.Button) { events.person(member.id) },
            member.guest,
        ) {
            if (member.role >= Role.ADMIN) Mark(stringResource(member.role.word))
        }
        if (member.removable || member.roles.isNotEmpty()) {
            Box {
                DrawingButton(R.drawable.more, stringResource(R.string.group_actions, member.name)) { menu = true }
                DropdownMenu(menu, { menu = false }) {
                    member.roles.forEach { role ->
                        DropdownMenuItem({ Text(stringResource(role.making)) }, { menu = false; events.role(member.id, role) })
                    }
                    if (member.removable) {
                        DropdownMenuItem(
                            { Text(stringResource(R.string.group_remove), color = MaterialTheme.colorScheme.error) },
                            { menu = false; onRemove() },
                        )
                    }
                }
            }
        }
    }
}

private val Role.making
    get() = when (this) {
        Role.OWNER -> R.string.group_make_owner
        Role.ADMIN -> R.string.group_make_admin
        Role.MEMBER, Role.GUEST -> R.string.group_make_member
    }

@Composable
private fun Leave(onLeave: () -> Unit) = Row(
    Modifier
        .padding(top = Gap.wide)
        .fillMaxWidth()
        .clickable(role = Kind.Button, onClick = onLeave)
        .heightIn(min = 56.dp)
        .padding(horizontal = Gap.edge),
    Arrangement.spacedBy(Gap.edge),
    Alignment.CenterVertically,
) {
    val colour = MaterialTheme.colorScheme.error
    Drawing(R.drawable.leave, null, Modifier.padding(Gap.medium), tint = colour)
    Text(stringResource(R.string.group_leave), color = colour, style = MaterialTheme.typography.bodyLarge)
}
