package pli.app.ui

import android.app.LocaleManager
import android.content.Context
import android.content.res.Configuration
import android.os.Build
import android.os.LocaleList
import java.util.Locale

private fun Context.chosen(): String = getSharedPreferences("settings", Context.MODE_PRIVATE).getString("language", "").orEmpty()

/** This, in the language that the person chose. */
fun Context.localised(): Context {
    val language = chosen()
    if (language.isEmpty()) return this
    val configuration = Configuration(resources.configuration)
    configuration.setLocales(LocaleList(Locale.forLanguageTag(language)))
    return createConfigurationContext(configuration)
}

/** Tells the platform of the choice, where it keeps one for each app. */
fun Context.tellLanguage(language: String) {
    if (Build.VERSION.SDK_INT < 33) return
    system<LocaleManager>().applicationLocales =
        if (language.isEmpty()) LocaleList.getEmptyLocaleList() else LocaleList.forLanguageTags(language)
}

/** What the platform keeps, if the person chose there. */
fun Context.toldLanguage(): String? =
    if (Build.VERSION.SDK_INT < 33) null else system<LocaleManager>().applicationLocales.toLanguageTags().substringBefore('-')
