package pli.app.gallery

import androidx.compose.runtime.Composable
import androidx.compose.ui.Modifier
import androidx.compose.ui.semantics.SemanticsPropertyKey
import androidx.compose.ui.semantics.SemanticsPropertyReceiver
import androidx.compose.ui.semantics.semantics

/** A screen in one of its states, as apps/README.md names both. The content brings its theme along. */
data class Picture(val screen: String, val state: String, val content: @Composable () -> Unit)

/** On a text that is whole elsewhere, a tap away: this one may end in an ellipsis. */
val MayShorten = SemanticsPropertyKey<Unit>("MayShorten")

private var SemanticsPropertyReceiver.mayShorten by MayShorten

/** Declares that a text may end in an ellipsis here, since it is whole elsewhere: any other that is cut fails the check. */
fun Modifier.mayShorten(): Modifier = semantics { mayShorten = Unit }
