package pli.app.screens.conversation

import android.icu.lang.UCharacter
import android.icu.lang.UProperty
import android.icu.text.BreakIterator
import androidx.compose.foundation.layout.fillMaxWidth
import androidx.compose.foundation.layout.padding
import androidx.compose.foundation.text.KeyboardOptions
import androidx.compose.material3.MaterialTheme
import androidx.compose.material3.OutlinedTextField
import androidx.compose.material3.Text
import androidx.compose.runtime.Composable
import androidx.compose.runtime.LaunchedEffect
import androidx.compose.runtime.getValue
import androidx.compose.runtime.mutableStateOf
import androidx.compose.runtime.remember
import androidx.compose.runtime.saveable.rememberSaveable
import androidx.compose.runtime.setValue
import androidx.compose.ui.Modifier
import androidx.compose.ui.focus.FocusRequester
import androidx.compose.ui.focus.focusRequester
import androidx.compose.ui.res.stringResource
import pli.app.R
import pli.app.ui.Gap

/** One emoji of the keyboard's: it is taken as soon as it is there. */
@Composable
fun EmojiField(onEmoji: (String) -> Unit) {
    var typed by rememberSaveable { mutableStateOf("") }
    val focus = remember { FocusRequester() }
    LaunchedEffect(focus) { focus.requestFocus() }
    val wrong = typed.isNotBlank()
    OutlinedTextField(
        typed,
        {
            typed = it
            lastEmoji(it)?.let(onEmoji)
        },
        Modifier.fillMaxWidth().padding(horizontal = Gap.edge, vertical = Gap.medium).focusRequester(focus),
        label = { Text(stringResource(R.string.conversation_react_other)) },
        supportingText = {
            Text(
                stringResource(if (wrong) R.string.conversation_react_no_emoji else R.string.conversation_react_how),
                style = MaterialTheme.typography.bodyMedium,
            )
        },
        isError = wrong,
        keyboardOptions = KeyboardOptions(autoCorrectEnabled = false),
        singleLine = true,
    )
}

/** The last character that a person would count, if it is an emoji. */
internal fun lastEmoji(text: String): String? {
    val characters = BreakIterator.getCharacterInstance().apply { setText(text) }
    val end = characters.last()
    val start = characters.previous()
    if (start == BreakIterator.DONE) return null
    val last = text.substring(start, end)
    // Digits are emoji too, to Unicode: not to people, unless they have a key around them.
    return last.takeIf { it.codePoints().anyMatch { one -> one == KEY || one > 0x7f && UCharacter.hasBinaryProperty(one, UProperty.EMOJI) } }
}

private const val KEY = 0x20e3
