package pli.app.screens.group

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.selection.selectableGroup
import androidx.compose.foundation.text.KeyboardOptions
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.AlertDialog
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.text.input.KeyboardCapitalization
import java.time.Duration
import pli.Permission
import pli.Role
import pli.app.R
import pli.app.screens.settings.Choice
import pli.app.ui.Sure

private val LIFETIMES = listOf(null, 1L, 7L, 30L, 90L, 365L).map { days -> days?.let(Duration::ofDays) }

@Composable
internal fun Dialogs(asked: Asked, state: GroupState, events: GroupEvents, onClose: () -> Unit) {
    when (asked) {
        // In their place: a dialog would cover what they are about.
        Asked.Name, Asked.Topic -> Unit
        is Asked.Least -> Choices(
            stringResource(RIGHTS.first { it.first == asked.permission }.second),
            // Guests change nothing in a group.
            listOfNotNull(Role.GUEST.takeIf { asked.permission == Permission.POST }, Role.MEMBER, Role.ADMIN, Role.OWNER),
            state.least[asked.permission],
            { who(it) },
            { events.least(asked.permission, it) },
            onClose,
        )
        Asked.Lifetime -> Choices(stringResource(R.string.group_lifetime), LIFETIMES, state.lifetime, { lifetime(it) }, events.lifetime, onClose)
        is Asked.Removing -> state.members?.find { it.id.text == asked.member }?.let { member ->
            Sure(
                stringResource(R.string.group_remove_sure, member.name),
                stringResource(R.string.group_remove),
                { events.remove(member.id) },
                onClose,
            )
        }
        Asked.Leaving -> if (state.soleOwner) LastOwner(onClose) else Sure(
            stringResource(R.string.group_leave_sure),
            stringResource(R.string.group_leave),
            events.leave,
            onClose,
        )
    }
}

/** The last owner can't go before another is named: the members are right behind this. */
@Composable
private fun LastOwner(onClose: () -> Unit) = AlertDialog(
    onClose,
    text = { Text(stringResource(R.string.group_last_owner)) },
    confirmButton = { TextButton(onClose) { Text(stringResource(R.string.app_ok)) } },
)

/** Other words, in the place of those that there are. */
@Composable
internal fun Words(title: String, now: String, mayBeEmpty: Boolean, onWords: (String) -> Unit, onClose: () -> Unit) {
    var words by rememberSaveable { mutableStateOf(now) }
    Column {
        OutlinedTextField(
            words,
            { words = it },
            Modifier.fillMaxWidth(),
            label = { Text(title) },
            keyboardOptions = KeyboardOptions(KeyboardCapitalization.Sentences),
            maxLines = 4,
        )
        FlowRow(Modifier.fillMaxWidth(), Arrangement.End) {
            TextButton(onClose) { Text(stringResource(R.string.app_cancel)) }
            TextButton(
                {
                    onClose()
                    onWords(words)
                },
                enabled = words.trim() != now && (mayBeEmpty || words.isNotBlank()),
            ) { Text(stringResource(R.string.conversation_save)) }
        }
    }
}

@Composable
private fun <T> Choices(title: String, all: List<T>, now: T?, words: @Composable (T) -> String, onChoose: (T) -> Unit, onClose: () -> Unit) = AlertDialog(
    onClose,
    title = { Text(title) },
    text = {
        Column(Modifier.selectableGroup().verticalScroll(rememberScrollState())) {
            all.forEach { one ->
                Choice(words(one), one == now) {
                    onClose()
                    if (one != now) onChoose(one)
                }
            }
        }
    },
    confirmButton = { TextButton(onClose) { Text(stringResource(R.string.app_cancel)) } },
)
