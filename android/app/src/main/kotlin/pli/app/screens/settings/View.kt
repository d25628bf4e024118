package pli.app.screens.settings

import androidx.compose.foundation.clickable
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.lazy.LazyColumn
import androidx.compose.foundation.lazy.itemsIndexed
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.selection.selectable
import androidx.compose.foundation.selection.selectableGroup
import androidx.compose.foundation.selection.toggleable
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.HorizontalDivider
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.RadioButton
import androidx.compose.material3.Switch
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.Role
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.unit.dp
import pli.app.R
import pli.app.session.Appearance
import pli.app.session.Choices
import pli.app.ui.Drawing
import pli.app.ui.Gap
import pli.app.ui.Heading
import pli.app.ui.Screen
import pli.app.ui.bytes

class SettingsEvents(
    val appearance: (Appearance) -> Unit = {},
    val language: (String) -> Unit = {},
    val notifications: (Boolean) -> Unit = {},
    val content: (Boolean) -> Unit = {},
    val background: (Boolean) -> Unit = {},
    val screenshots: (Boolean) -> Unit = {},
    val devices: () -> Unit = {},
    val licences: () -> Unit = {},
)

/** Each language by its own name. */
private val LANGUAGES = listOf("en" to "English", "fr" to "Français")

@Composable
fun SettingsView(state: SettingsState, events: SettingsEvents, onBack: (() -> Unit)? = {}) =
    Screen(stringResource(R.string.settings_title), onBack) { insets ->
        Column(Modifier.fillMaxSize().verticalScroll(rememberScrollState()).padding(insets).padding(bottom = Gap.wide)) {
            Way(stringResource(R.string.devices_title), R.drawable.phone, events.devices)
            Notifications(state.choices, events)
            Heading(stringResource(R.string.settings_privacy))
            Toggle(stringResource(R.string.settings_screenshots), null, state.choices.screenshots, events.screenshots)
            Heading(stringResource(R.string.settings_appearance))
            Column(Modifier.selectableGroup()) {
                Choice(stringResource(R.string.settings_appearance_system), state.choices.appearance == Appearance.SYSTEM) { events.appearance(Appearance.SYSTEM) }
                Choice(stringResource(R.string.settings_appearance_light), state.choices.appearance == Appearance.LIGHT) { events.appearance(Appearance.LIGHT) }
                Choice(stringResource(R.string.settings_appearance_dark), state.choices.appearance == Appearance.DARK) { events.appearance(Appearance.DARK) }
            }
            Heading(stringResource(R.string.settings_language))
            Column(Modifier.selectableGroup()) {
                Choice(stringResource(R.string.settings_language_system), state.choices.language.isEmpty()) { events.language("") }
                LANGUAGES.forEach { (tag, name) -> Choice(name, state.choices.language == tag) { events.language(tag) } }
            }
            Heading(stringResource(R.string.settings_about))
            if (state.storage != null) Fact(stringResource(R.string.settings_storage), bytes(state.storage))
            Fact(stringResource(R.string.app_name), stringResource(R.string.settings_version, state.version))
            Way(stringResource(R.string.settings_licences), null, events.licences)
        }
    }

@Composable
private fun Notifications(choices: Choices, events: SettingsEvents) {
    Heading(stringResource(R.string.settings_notifications))
    Toggle(stringResource(R.string.settings_notifications_on), null, choices.notifications, events.notifications)
    Toggle(stringResource(R.string.settings_notifications_content), null, choices.content, events.content, choices.notifications)
    Toggle(stringResource(R.string.settings_background), stringResource(R.string.settings_background_how), choices.background, events.background)
}

@Composable
private fun Toggle(name: String, how: String?, on: Boolean, onChange: (Boolean) -> Unit, enabled: Boolean = true) = Row(
    Modifier
        .fillMaxWidth()
        .toggleable(on, enabled, Role.Switch, onValueChange = onChange)
        .heightIn(min = 56.dp)
        .padding(horizontal = Gap.edge, vertical = Gap.medium),
    Arrangement.spacedBy(Gap.edge),
    Alignment.CenterVertically,
) {
    Column(Modifier.weight(1f), Arrangement.spacedBy(Gap.tiny)) {
        val colour = MaterialTheme.colorScheme.onSurface.copy(alpha = if (enabled) 1f else 0.6f)
        Text(name, color = colour, style = MaterialTheme.typography.bodyLarge)
        if (how != null) Text(how, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
    }
    Switch(on, null, enabled = enabled)
}

@Composable
fun Choice(name: String, chosen: Boolean, onChoose: () -> Unit) = Row(
    Modifier
        .fillMaxWidth()
        .selectable(chosen, role = Role.RadioButton, onClick = onChoose)
        .heightIn(min = Gap.target)
        .padding(horizontal = Gap.edge, vertical = Gap.small),
    Arrangement.spacedBy(Gap.edge),
    Alignment.CenterVertically,
) {
    RadioButton(chosen, null)
    Text(name, style = MaterialTheme.typography.bodyLarge)
}

@Composable
private fun Fact(name: String, value: String) = Row(
    Modifier.fillMaxWidth().heightIn(min = Gap.target).padding(horizontal = Gap.edge, vertical = Gap.medium).semantics(mergeDescendants = true) {},
    Arrangement.spacedBy(Gap.edge),
    Alignment.CenterVertically,
) {
    Text(name, Modifier.weight(1f), style = MaterialTheme.typography.bodyLarge)
    Text(value, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyLarge)
}

/** A way to another screen. */
@Composable
fun Way(name: String, drawing: Int?, onGo: () -> Unit) = Row(
    Modifier.fillMaxWidth().clickable(role = Role.Button, onClick = onGo).heightIn(min = 56.dp).padding(horizontal = Gap.edge, vertical = Gap.medium),
    Arrangement.spacedBy(Gap.edge),
    Alignment.CenterVertically,
) {
    if (drawing != null) Drawing(drawing, null)
    Text(name, Modifier.weight(1f), style = MaterialTheme.typography.bodyLarge)
    Drawing(R.drawable.forward, null, tint = MaterialTheme.colorScheme.onSurfaceVariant)
}

/** What Pli is made of, as its makers want it named. */
@Composable
fun LicencesView(licences: List<Licence>, onBack: (() -> Unit)? = {}) {
    var open by rememberSaveable { mutableStateOf<Int?>(null) }
    Screen(stringResource(R.string.settings_licences), onBack) { insets ->
        LazyColumn(Modifier.fillMaxSize(), contentPadding = insets) {
            itemsIndexed(licences) { index, licence ->
                Column(
                    Modifier
                        .fillMaxWidth()
                        .clickable(role = Role.Button) { open = if (open == index) null else index }
                        .heightIn(min = 56.dp)
                        .padding(horizontal = Gap.edge, vertical = Gap.medium),
                ) {
                    Text(licence.name, style = MaterialTheme.typography.bodyLarge)
                    Text(licence.terms, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium)
                    if (open == index) Text(licence.text, Modifier.padding(top = Gap.medium), style = MaterialTheme.typography.bodySmall)
                }
                HorizontalDivider(color = MaterialTheme.colorScheme.outlineVariant)
            }
        }
    }
}
