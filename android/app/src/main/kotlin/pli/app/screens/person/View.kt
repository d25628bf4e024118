package pli.app.screens.person

import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.text.selection.SelectionContainer
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.Button
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedButton
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.CompositionLocalProvider
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.platform.LocalLayoutDirection
import androidx.compose.ui.unit.LayoutDirection
import androidx.compose.ui.res.pluralStringResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.contentDescription
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.font.FontFamily
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.text.style.TextDirection
import androidx.compose.ui.unit.dp
import pli.Verification
import pli.app.R
import pli.app.ui.Avatar
import pli.app.ui.Code
import pli.app.ui.Drawing
import pli.app.ui.Gap
import pli.app.ui.Heading
import pli.app.ui.Mark
import pli.app.ui.Notice
import pli.app.ui.Screen
import pli.app.ui.say
import pli.app.ui.text

@Composable
fun PersonView(
    state: PersonState,
    onWrite: () -> Unit,
    onVerify: () -> Unit,
    onTold: () -> Unit = {},
    onBack: (() -> Unit)? = {},
    scanning: @Composable () -> Unit = {},
) = Screen(stringResource(R.string.person_title), onBack, state.problem, onTold) { insets ->
    Column(
        Modifier.fillMaxSize().verticalScroll(rememberScrollState()).padding(insets).padding(bottom = Gap.wide),
        horizontalAlignment = Alignment.CenterHorizontally,
    ) {
        Who(state)
        if (!state.me && !state.departed) {
            Button(onWrite, Modifier.padding(top = Gap.edge).heightIn(min = Gap.target)) {
                Drawing(R.drawable.write, null, Modifier.padding(end = Gap.medium), 20.dp)
                Text(stringResource(R.string.person_write))
            }
        }
        if (state.number != null) Safety(state, state.number, onVerify, scanning)
    }
}

@Composable
private fun Who(state: PersonState) = Column(
    Modifier.fillMaxWidth().padding(Gap.edge).semantics(mergeDescendants = true) {},
    Arrangement.spacedBy(Gap.small),
    Alignment.CenterHorizontally,
) {
    if (state.face != null) Avatar(state.face, 88.dp, Modifier.padding(bottom = Gap.medium))
    Text(state.name, Modifier.semantics { heading() }, style = MaterialTheme.typography.headlineSmall, textAlign = TextAlign.Center)
    val quiet = MaterialTheme.colorScheme.onSurfaceVariant
    state.department?.let { Text(it, color = quiet, style = MaterialTheme.typography.bodyLarge, textAlign = TextAlign.Center) }
    state.devices?.let { Text(pluralStringResource(R.plurals.person_devices, it, it), color = quiet, style = MaterialTheme.typography.bodyMedium) }
    state.guestUntil?.let { Mark(say(R.string.person_guest_until, it).text()) }
    if (state.departed) Mark(stringResource(R.string.new_departed))
}

@Composable
private fun Safety(state: PersonState, number: String, onVerify: () -> Unit, scanning: @Composable () -> Unit) {
    Heading(stringResource(R.string.person_safety))
    Column(
        Modifier.padding(horizontal = Gap.edge).widthIn(max = 560.dp),
        Arrangement.spacedBy(Gap.edge),
        Alignment.CenterHorizontally,
    ) {
        Verified(state)
        if (state.differs) {
            Notice(stringResource(R.string.person_differs, state.name), R.drawable.alert, warning = true)
        }
        Text(
            stringResource(R.string.person_safety_how, state.name),
            Modifier.fillMaxWidth(),
            style = MaterialTheme.typography.bodyMedium,
        )
        Digits(number)
        Surface(shape = MaterialTheme.shapes.medium) { Code(number, stringResource(R.string.person_code)) }
        if (state.verification != Verification.VERIFIED) {
            OutlinedButton(onVerify, Modifier.heightIn(min = Gap.target)) {
                Drawing(R.drawable.check, null, Modifier.padding(end = Gap.medium), 20.dp)
                Text(stringResource(R.string.person_verify))
            }
            scanning()
        }
    }
}

@Composable
private fun Verified(state: PersonState) = when (state.verification) {
    Verification.VERIFIED -> Notice(stringResource(R.string.person_verified), R.drawable.check)
    Verification.NOT_VERIFIED -> Notice(stringResource(R.string.person_not_verified), R.drawable.key)
    Verification.CHANGED -> Notice(stringResource(R.string.person_changed, state.name), R.drawable.alert, warning = true)
}

/** In groups of five, which wrap where they must; read out as they stand. */
@Composable
fun Digits(number: String) {
    val groups = number.filter(Char::isDigit).chunked(5)
    // Numbers are read from the left in every language: two who compare them see the same order.
    CompositionLocalProvider(LocalLayoutDirection provides LayoutDirection.Ltr) {
        SelectionContainer {
            FlowRow(
                Modifier.semantics(mergeDescendants = true) { contentDescription = groups.joinToString(", ") },
                Arrangement.spacedBy(Gap.edge),
                Arrangement.spacedBy(Gap.small),
                // Rows of one length.
                maxItemsInEachRow = if (groups.size % 4 == 0) 4 else 3,
            ) {
                groups.forEach {
                    Text(it, style = MaterialTheme.typography.titleMedium.copy(fontFamily = FontFamily.Monospace, textDirection = TextDirection.Ltr))
                }
            }
        }
    }
}
