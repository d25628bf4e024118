package pli.app.screens.welcome

import androidx.compose.foundation.BorderStroke
import androidx.compose.foundation.Image
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.FlowRow
import androidx.compose.foundation.layout.WindowInsets
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.safeDrawing
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.layout.widthIn
import androidx.compose.foundation.layout.windowInsetsPadding
import androidx.compose.foundation.rememberScrollState
import androidx.compose.foundation.text.KeyboardActions
import androidx.compose.foundation.text.KeyboardOptions
import androidx.compose.foundation.verticalScroll
import androidx.compose.material3.Button
import androidx.compose.material3.CircularProgressIndicator
import androidx.compose.material3.LocalContentColor
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.runtime.Composable
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.platform.LocalContext
import androidx.compose.ui.res.colorResource
import androidx.compose.ui.res.painterResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.error
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.input.ImeAction
import androidx.compose.ui.text.input.KeyboardCapitalization
import androidx.compose.ui.text.input.KeyboardType
import androidx.compose.ui.unit.dp
import pli.app.R
import pli.app.ui.Drawing
import pli.app.ui.DrawingButton
import pli.app.ui.Gap
import pli.app.ui.Sure
import pli.app.ui.pasted
import pli.app.ui.text

/** Joining by an invitation. [onBack] is there if a device is: one that is out. */
@Composable
fun WelcomeView(
    state: WelcomeState,
    onLink: (String) -> Unit,
    onJoin: () -> Unit,
    onBack: (() -> Unit)? = null,
    scanning: @Composable () -> Unit = {},
) = Surface(Modifier.fillMaxSize()) {
    var sure by rememberSaveable { mutableStateOf(false) }
    // What is on the phone goes with the device that it is of.
    val join = if (onBack == null) onJoin else { { sure = true } }
    if (sure) Sure(stringResource(R.string.conversations_forget_sure), stringResource(R.string.welcome_join), onJoin) { sure = false }
    Box(Modifier.windowInsetsPadding(WindowInsets.safeDrawing)) {
        if (onBack != null) DrawingButton(R.drawable.back, stringResource(R.string.app_back), Modifier.padding(Gap.small), onClick = onBack)
        Column(
            Modifier
                .align(Alignment.Center)
                .widthIn(max = 480.dp)
                .verticalScroll(rememberScrollState())
                .padding(horizontal = Gap.wide, vertical = Gap.wide + Gap.wide),
            Arrangement.spacedBy(Gap.edge),
        ) {
            Surface(
                shape = MaterialTheme.shapes.large,
                color = colorResource(R.color.icon_background),
                border = BorderStroke(1.dp, MaterialTheme.colorScheme.outlineVariant),
            ) {
                Image(painterResource(R.drawable.logo), null, Modifier.size(80.dp))
            }
            Text(
                stringResource(R.string.welcome_title, stringResource(R.string.app_name)),
                Modifier.semantics { heading() },
                style = MaterialTheme.typography.headlineMedium,
            )
            Text(stringResource(R.string.welcome_about), style = MaterialTheme.typography.bodyLarge)
            Text(
                stringResource(R.string.welcome_how),
                Modifier.padding(top = Gap.medium),
                color = MaterialTheme.colorScheme.onSurfaceVariant,
                style = MaterialTheme.typography.bodyMedium,
            )
            Link(state, onLink, join)
            Button(
                join,
                Modifier.fillMaxWidth().heightIn(min = Gap.target),
                enabled = state.link.isNotBlank() && !state.joining,
            ) {
                if (state.joining) {
                    CircularProgressIndicator(
                        Modifier.padding(end = Gap.large).size(18.dp),
                        color = LocalContentColor.current,
                        strokeWidth = 2.dp,
                    )
                }
                Text(stringResource(if (state.joining) R.string.welcome_joining else R.string.welcome_join))
            }
            if (!state.joining) scanning()
        }
    }
}

@Composable
private fun Link(state: WelcomeState, onLink: (String) -> Unit, onJoin: () -> Unit) {
    val context = LocalContext.current
    val problem = state.problem?.text()
    OutlinedTextField(
        state.link,
        onLink,
        Modifier.fillMaxWidth().semantics { if (problem != null) error(problem) },
        enabled = !state.joining,
        label = { Text(stringResource(R.string.welcome_link)) },
        trailingIcon = {
            if (state.link.isEmpty()) {
                DrawingButton(R.drawable.paste, stringResource(R.string.welcome_paste)) { pasted(context)?.let(onLink) }
            } else if (!state.joining) {
                DrawingButton(R.drawable.close, stringResource(R.string.welcome_clear)) { onLink("") }
            }
        },
        supportingText = if (problem == null) {
            null
        } else {
            { Text(problem, Modifier.semantics { liveRegion = LiveRegionMode.Polite }, style = MaterialTheme.typography.bodyMedium) }
        },
        isError = problem != null,
        keyboardOptions = KeyboardOptions(KeyboardCapitalization.None, autoCorrectEnabled = false, KeyboardType.Uri, ImeAction.Go),
        keyboardActions = KeyboardActions(onGo = { onJoin() }),
        maxLines = 4,
    )
}

/** The two ways to a code: the camera's app, and a picture that is there already. */
@Composable
fun Scanning(onCamera: (() -> Unit)?, onPicture: () -> Unit) = FlowRow(Modifier.fillMaxWidth(), Arrangement.Center) {
    if (onCamera != null) {
        TextButton(onCamera) {
            Drawing(R.drawable.scan, null, Modifier.padding(end = Gap.medium), 20.dp)
            Text(stringResource(R.string.welcome_scan))
        }
    }
    TextButton(onPicture) {
        Drawing(R.drawable.picture, null, Modifier.padding(end = Gap.medium), 20.dp)
        Text(stringResource(R.string.welcome_picture))
    }
}
