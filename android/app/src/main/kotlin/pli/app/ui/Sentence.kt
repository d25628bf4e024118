package pli.app.ui

import android.content.res.Resources
import android.icu.text.ListFormatter
import androidx.annotation.PluralsRes
import androidx.annotation.StringRes
import androidx.compose.runtime.Composable
import androidx.compose.runtime.Immutable
import androidx.compose.runtime.ReadOnlyComposable
import androidx.compose.ui.platform.LocalConfiguration
import androidx.compose.ui.platform.LocalContext
import java.time.LocalDate

/** Something to say to the person, without its words: they are chosen when it is shown, in the language of then. */
@Immutable
data class Sentence(
    val id: Int,
    val arguments: List<Any> = emptyList(),
    /** Chooses the plural; absent for a plain string. */
    val count: Int? = null,
)

/** Some names, listed as the language lists them. */
@Immutable
data class Names(val names: List<String>)

/** What somebody wrote, as it is. */
fun verbatim(text: String) = Sentence(0, listOf(text))

/** The string of this name; arguments are strings, numbers, dates, [Names] and sentences. */
fun say(@StringRes id: Int, vararg arguments: Any) = Sentence(id, arguments.toList())

/** The plural of this name; the count is among the arguments where the words show it. */
fun count(@PluralsRes id: Int, count: Int, vararg arguments: Any) = Sentence(id, arguments.toList(), count)

fun Sentence.text(resources: Resources): String {
    val values = arguments.map { argument ->
        when (argument) {
            is Sentence -> argument.text(resources)
            is Names -> ListFormatter.getInstance(resources.configuration.locales[0]).format(argument.names)
            is LocalDate -> argument.long(resources.configuration.locales[0])
            else -> argument
        }
    }.toTypedArray()
    if (id == 0) return values.single().toString()
    return if (count == null) resources.getString(id, *values) else resources.getQuantityString(id, count, *values)
}

/** The words, in the language of the screen. */
@Composable
@ReadOnlyComposable
fun Sentence.text(): String {
    // Read, so that the words change with the language.
    LocalConfiguration.current
    return text(LocalContext.current.resources)
}
