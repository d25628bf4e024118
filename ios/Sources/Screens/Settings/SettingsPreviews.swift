#if DEBUG && canImport(UIKit)
import SwiftUI

#Preview("settings") {
    NavigationStack {
        SettingsView(
            state: SettingsState(
                storage: 48_000_000, me: Samples.avatar(0), organisation: "Mairie de Sommières", version: "1.0"),
            events: Idle(), onDone: {})
    }
}
#Preview("licences") {
    NavigationStack {
        LicencesView(
            licences: Licences(
                components: [.init(name: "openmls", version: "0.7.0", licence: "MIT", text: 0)], texts: ["MIT"]))
    }
}
#endif
