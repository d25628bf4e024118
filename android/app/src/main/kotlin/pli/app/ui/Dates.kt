package pli.app.ui

import android.content.Context
import android.text.format.DateFormat
import android.text.format.Formatter
import androidx.compose.runtime.Composable
import androidx.compose.runtime.ReadOnlyComposable
import androidx.compose.ui.platform.LocalConfiguration
import androidx.compose.ui.platform.LocalContext
import java.time.Instant
import java.time.LocalDate
import java.time.ZoneId
import java.time.format.DateTimeFormatter
import java.time.format.FormatStyle
import java.util.Locale
import pli.app.R

private fun pattern(skeleton: String, locale: Locale): DateTimeFormatter =
    DateTimeFormatter.ofPattern(DateFormat.getBestDateTimePattern(locale, skeleton), locale)

fun Instant.day(): LocalDate = atZone(ZoneId.systemDefault()).toLocalDate()

/** Such as 3 April 2027. */
fun LocalDate.long(locale: Locale): String = format(DateTimeFormatter.ofLocalizedDate(FormatStyle.LONG).withLocale(locale))

/** Such as 14:05, as the phone's owner wants it. */
fun Instant.time(context: Context): String {
    val locale = context.resources.configuration.locales[0]
    val skeleton = if (DateFormat.is24HourFormat(context)) "Hm" else "hm"
    return pattern(skeleton, locale).format(atZone(ZoneId.systemDefault()))
}

/** Today, yesterday, a weekday of the last six, or a date. */
fun LocalDate.name(context: Context, today: LocalDate = LocalDate.now()): String {
    val locale = context.resources.configuration.locales[0]
    val name = when {
        this == today -> context.getString(R.string.app_today)
        this == today.minusDays(1) -> context.getString(R.string.app_yesterday)
        this > today.minusDays(7) && this < today -> pattern("EEEE", locale).format(this)
        year == today.year -> pattern("EEEEdMMMM", locale).format(this)
        else -> long(locale)
    }
    return name.replaceFirstChar { it.titlecase(locale) }
}

/** The shortest that tells when: a time today, else a day. */
fun Instant.short(context: Context, today: LocalDate = LocalDate.now()): String {
    val locale = context.resources.configuration.locales[0]
    val day = day()
    return when {
        day >= today -> time(context)
        day == today.minusDays(1) -> context.getString(R.string.app_yesterday)
        day > today.minusDays(7) -> pattern("EEE", locale).format(day)
        day.year == today.year -> pattern("dMMM", locale).format(day)
        else -> pattern("yMd", locale).format(day)
    }
}

@Composable
@ReadOnlyComposable
private fun context(): Context {
    LocalConfiguration.current
    return LocalContext.current
}

@Composable
@ReadOnlyComposable
fun Instant.time(): String = time(context())

@Composable
@ReadOnlyComposable
fun Instant.short(): String = short(context())

@Composable
@ReadOnlyComposable
fun LocalDate.name(): String = name(context())

/** Such as 12 MB. */
@Composable
@ReadOnlyComposable
fun bytes(count: Long): String = Formatter.formatShortFileSize(context(), count)
