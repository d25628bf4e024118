package pli.app.ui

import androidx.annotation.DrawableRes
import androidx.compose.foundation.layout.Arrangement
import androidx.compose.foundation.layout.Box
import androidx.compose.foundation.layout.Column
import androidx.compose.foundation.layout.PaddingValues
import androidx.compose.foundation.layout.Row
import androidx.compose.foundation.layout.WindowInsets
import androidx.compose.foundation.layout.WindowInsetsSides
import androidx.compose.foundation.layout.fillMaxHeight
import androidx.compose.foundation.layout.fillMaxSize
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.heightIn
import androidx.compose.foundation.layout.only
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.layout.safeDrawing
import androidx.compose.foundation.layout.size
import androidx.compose.foundation.layout.widthIn
import androidx.compose.material3.AlertDialog
import androidx.compose.material3.ExperimentalMaterial3Api
import androidx.compose.material3.Icon
import androidx.compose.material3.IconButton
import androidx.compose.material3.LocalContentColor
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.Scaffold
import androidx.compose.material3.SnackbarHost
import androidx.compose.material3.SnackbarHostState
import androidx.compose.material3.Surface
import androidx.compose.material3.Text
import androidx.compose.material3.TextButton
import androidx.compose.material3.TopAppBar
import androidx.compose.material3.TopAppBarDefaults
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.ReadOnlyComposable
import androidx.compose.runtime.remember
import androidx.compose.ui.Alignment
import androidx.compose.ui.Modifier
import androidx.compose.ui.graphics.Color
import androidx.compose.ui.graphics.Shape
import androidx.compose.ui.platform.LocalDensity
import androidx.compose.ui.res.painterResource
import androidx.compose.ui.res.stringResource
import androidx.compose.ui.semantics.LiveRegionMode
import androidx.compose.ui.semantics.heading
import androidx.compose.ui.semantics.liveRegion
import androidx.compose.ui.semantics.semantics
import androidx.compose.ui.text.style.TextAlign
import androidx.compose.ui.unit.Dp
import androidx.compose.ui.unit.dp
import pli.app.R

/** A drawing. [label] is what a screen reader says; null where words beside it say the same. */
@Composable
fun Drawing(@DrawableRes id: Int, label: String?, modifier: Modifier = Modifier, size: Dp = 24.dp, tint: Color = LocalContentColor.current) =
    Icon(painterResource(id), label, modifier.size(size), tint)

/** A button that is a drawing alone: its label is said, and shown on a long press. */
@Composable
fun DrawingButton(@DrawableRes id: Int, label: String, modifier: Modifier = Modifier, enabled: Boolean = true, onClick: () -> Unit) =
    IconButton(onClick, modifier.size(Gap.target), enabled) { Drawing(id, label) }

/** A screen: a bar with a title, what went wrong at its foot, and content that keeps to a readable width. */
@OptIn(ExperimentalMaterial3Api::class)
@Composable
fun Screen(
    title: String,
    onBack: (() -> Unit)? = null,
    problem: Sentence? = null,
    onTold: () -> Unit = {},
    actions: @Composable () -> Unit = {},
    floating: @Composable () -> Unit = {},
    content: @Composable (PaddingValues) -> Unit,
) {
    Scaffold(
        topBar = {
            TopAppBar(
                title = { Text(title, Modifier.semantics { heading() }) },
                navigationIcon = { if (onBack != null) DrawingButton(R.drawable.back, stringResource(R.string.app_back), onClick = onBack) },
                actions = { actions() },
                colors = TopAppBarDefaults.topAppBarColors(scrolledContainerColor = MaterialTheme.colorScheme.surface),
            )
        },
        snackbarHost = { Told(problem, onTold) },
        floatingActionButton = floating,
        contentWindowInsets = WindowInsets.safeDrawing,
    ) { insets ->
        Box(Modifier.fillMaxSize(), Alignment.TopCenter) {
            Box(Modifier.widthIn(max = READABLE).fillMaxHeight()) { content(insets) }
        }
    }
}

private val READABLE = 720.dp

/** Whether letters are so large that things which stand beside one another elsewhere stand below. */
val largeText: Boolean
    @Composable @ReadOnlyComposable get() = LocalDensity.current.fontScale >= 1.5f

/** What went wrong, until it was read. */
@Composable
fun Told(problem: Sentence?, onTold: () -> Unit) {
    val host = remember { SnackbarHostState() }
    val words = problem?.text()
    val close = stringResource(R.string.app_close)
    LaunchedEffect(words) {
        if (words != null) {
            host.showSnackbar(words, close)
            onTold()
        }
    }
    SnackbarHost(host)
}

/** A dialog that asks before something that can't be undone. */
@Composable
fun Sure(question: String, action: String, onYes: () -> Unit, onNo: () -> Unit) = AlertDialog(
    onDismissRequest = onNo,
    text = { Text(question, style = MaterialTheme.typography.bodyLarge) },
    confirmButton = {
        TextButton({ onNo(); onYes() }) { Text(action, color = MaterialTheme.colorScheme.error) }
    },
    dismissButton = { TextButton(onNo) { Text(stringResource(R.string.app_cancel)) } },
)

/** Something that the person should know, in one line or a few, with at most one action. */
@Composable
fun Notice(
    text: String,
    @DrawableRes drawing: Int,
    modifier: Modifier = Modifier,
    warning: Boolean = false,
    shape: Shape = MaterialTheme.shapes.small,
    action: String? = null,
    onAction: () -> Unit = {},
) {
    val colours = MaterialTheme.colorScheme
    Surface(
        modifier.fillMaxWidth().semantics { liveRegion = LiveRegionMode.Polite },
        shape,
        color = if (warning) colours.errorContainer else colours.surfaceContainerHigh,
        contentColor = if (warning) colours.onErrorContainer else colours.onSurface,
    ) {
        Column(Modifier.padding(horizontal = Gap.edge, vertical = Gap.medium)) {
            Row(
                Modifier.heightIn(min = 24.dp),
                Arrangement.spacedBy(Gap.large),
                Alignment.CenterVertically,
            ) {
                Drawing(drawing, null, size = 20.dp)
                Text(text, Modifier.weight(1f), style = MaterialTheme.typography.bodyMedium)
            }
            if (action != null) {
                val colour = if (warning) colours.onErrorContainer else colours.primary
                TextButton(onAction, Modifier.align(Alignment.End)) { Text(action, color = colour) }
            }
        }
    }
}

/** The name of a part of a screen. */
@Composable
fun Heading(text: String, modifier: Modifier = Modifier) = Text(
    text,
    modifier.fillMaxWidth().padding(start = Gap.edge, end = Gap.edge, top = Gap.wide, bottom = Gap.medium).semantics { heading() },
    color = MaterialTheme.colorScheme.primary,
    style = MaterialTheme.typography.titleSmall,
)

/** What stands where a list has nothing yet. */
@Composable
fun Nothing(title: String, how: String?, @DrawableRes drawing: Int, modifier: Modifier = Modifier, action: @Composable () -> Unit = {}) = Column(
    modifier.padding(Gap.wide).widthIn(max = 420.dp),
    Arrangement.spacedBy(Gap.medium),
    Alignment.CenterHorizontally,
) {
    Drawing(drawing, null, size = 40.dp, tint = MaterialTheme.colorScheme.onSurfaceVariant)
    Text(title, style = MaterialTheme.typography.titleMedium, textAlign = TextAlign.Center)
    if (how != null) {
        Text(how, color = MaterialTheme.colorScheme.onSurfaceVariant, style = MaterialTheme.typography.bodyMedium, textAlign = TextAlign.Center)
    }
    action()
}

/** The insets at the sides and the foot, for lists that run under the bars. */
val foot: WindowInsets
    @Composable get() = WindowInsets.safeDrawing.only(WindowInsetsSides.Horizontal + WindowInsetsSides.Bottom)
