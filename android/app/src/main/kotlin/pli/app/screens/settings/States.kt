package pli.app.screens.settings

import androidx.compose.runtime.Composable
import androidx.compose.ui.tooling.preview.Preview
import pli.app.gallery.Picture
import pli.app.ui.AppTheme

val settingsStates = listOf(
    Picture("settings", "settings") { SettingsView(SettingsState(storage = 48_200_000, version = "0.1.0"), SettingsEvents()) },
    Picture("settings", "licences") {
        LicencesView(
            listOf("openmls 0.8.1" to "MIT", "rusqlite 0.37.0" to "MIT", "androidx.compose.ui:ui 1.12.1" to "Apache-2.0", "ring 0.17.14" to "Apache-2.0 AND ISC")
                .map { (name, terms) -> Licence(name, terms, "") },
        )
    },
)

@Preview
@Composable
private fun Previews() = AppTheme { settingsStates.first().content() }
