package pli.app.screens.newconversation

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.LazyRow
import androidx.compose.foundation.lazy.items
import androidx.compose.foundation.selection.toggleable
import androidx.compose.foundation.text.KeyboardOptions
import androidx.compose.material3.Button
import androidx.compose.material3.Checkbox
import androidx.compose.material3.InputChip
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.Role
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.input.ImeAction
import androidx.compose.ui.text.input.KeyboardCapitalization
import pli.app.R
import pli.app.ui.Drawing
import pli.app.ui.DrawingButton
import pli.app.ui.Gap
import pli.app.ui.Nothing
import pli.app.ui.Notice
import pli.app.ui.PersonLine
import pli.app.ui.Screen

class NewConversationEvents(
    val query: (String) -> Unit = {},
    val choose: (PersonRow) -> Unit = {},
    val name: (String) -> Unit = {},
    val start: () -> Unit = {},
    val told: () -> Unit = {},
)

@Composable
fun NewConversationView(state: NewConversationState, events: NewConversationEvents, onBack: (() -> Unit)? = {}) = Screen(
    if (state.to == null) stringResource(R.string.new_title) else stringResource(R.string.group_add),
    onBack,
    state.problem,
    events.told,
) { insets ->
    Column(Modifier.fillMaxSize().padding(insets)) {
        if (state.unreachable) {
            Notice(stringResource(R.string.new_unreachable), R.drawable.connection, Modifier.padding(horizontal = Gap.edge, vertical = Gap.small))
        }
        Search(state.query, events.query)
        Chosen(state.chosen, events.choose)
        Box(Modifier.weight(1f).fillMaxWidth()) { People(state, events.choose) }
        if (state.chosen.isNotEmpty()) Start(state, events)
    }
}

/** The field's text is its own while it is typed: the cursor stays where it is. */
@Composable
private fun Search(query: String, onQuery: (String) -> Unit) {
    OutlinedTextField(
        query,
        onQuery,
        Modifier.fillMaxWidth().padding(horizontal = Gap.edge, vertical = Gap.small),
        label = { Text(stringResource(R.string.new_search)) },
        leadingIcon = { Drawing(R.drawable.search, null) },
        trailingIcon = if (query.isEmpty()) null else { { DrawingButton(R.drawable.close, stringResource(R.string.welcome_clear)) { onQuery("") } } },
        keyboardOptions = KeyboardOptions(KeyboardCapitalization.Words, autoCorrectEnabled = false, imeAction = ImeAction.Search),
        singleLine = true,
    )
}

@Composable
private fun Chosen(chosen: List<PersonRow>, onChoose: (PersonRow) -> Unit) {
    if (chosen.isEmpty()) return
    LazyRow(contentPadding = PaddingValues(horizontal = Gap.edge), horizontalArrangement = Arrangement.spacedBy(Gap.medium)) {
        items(chosen, { it.id.text }) { person ->
            val words = stringResource(R.string.new_chosen, person.name)
            InputChip(
                true,
                { onChoose(person) },
                { Text(person.name) },
                Modifier.semantics { contentDescription = words },
                trailingIcon = { Drawing(R.drawable.close, null, size = Gap.edge) },
            )
        }
    }
}

@Composable
private fun People(state: NewConversationState, onChoose: (PersonRow) -> Unit) {
    val people = state.people ?: return
    if (people.isEmpty()) {
        val words = if (state.alone) R.string.new_nobody else R.string.new_no_result
        return Box(Modifier.fillMaxSize(), Alignment.TopCenter) { Nothing(stringResource(words), null, R.drawable.search) }
    }
    val chosen = state.chosen.mapTo(HashSet()) { it.id }
    LazyColumn(Modifier.fillMaxSize()) {
        items(people, { it.id.text }) { person ->
            val on = person.id in chosen
            PersonLine(
                person.name,
                person.department,
                person.face,
                Modifier.toggleable(on, role = Role.Checkbox) { onChoose(person) },
                person.guest,
            ) {
                Checkbox(on, null)
            }
        }
    }
}

@Composable
private fun Start(state: NewConversationState, events: NewConversationEvents) = Surface(color = MaterialTheme.colorScheme.surfaceContainer) {
    Column(Modifier.fillMaxWidth().padding(Gap.edge), Arrangement.spacedBy(Gap.medium)) {
        val count = state.chosen.size
        if (state.to == null && count > 1) {
            OutlinedTextField(
                state.name,
                events.name,
                Modifier.fillMaxWidth(),
                label = { Text(stringResource(R.string.new_name)) },
                keyboardOptions = KeyboardOptions(KeyboardCapitalization.Sentences, imeAction = ImeAction.Done),
                singleLine = true,
            )
        }
        Button(events.start, Modifier.fillMaxWidth().heightIn(min = Gap.target), state.startable) {
            Text(
                when {
                    state.to != null -> stringResource(R.string.group_add)
                    count == 1 -> stringResource(R.string.new_write, state.chosen.single().name)
                    else -> pluralStringResource(R.plurals.new_make, count, count)
                },
            )
        }
    }
}
