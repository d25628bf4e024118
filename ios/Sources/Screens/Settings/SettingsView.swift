import SwiftUI

/// What a person may choose on this phone.
struct SettingsView: View {
    let state: SettingsState
    let events: any SettingsEvents
    let onDone: @MainActor () -> Void
    @Environment(\.words) private var words

    var body: some View {
        List {
            if let me = state.me { PersonLine(avatar: me, detail: state.organisation) }
            NavigationLink(value: SettingsPlace.devices) { Label(words("devices.title"), systemImage: "iphone") }
            Section(words("settings.appearance")) {
                Picker(
                    words("settings.appearance"),
                    selection: Binding(get: { state.settings.appearance }, set: { events.appearance($0) })
                ) {
                    Text(words("settings.appearance_system")).tag(Settings.Appearance.system)
                    Text(words("settings.appearance_light")).tag(Settings.Appearance.light)
                    Text(words("settings.appearance_dark")).tag(Settings.Appearance.dark)
                }
                Picker(
                    words("settings.language"), selection: Binding(get: { state.settings.language }, set: { events.language($0) })
                ) {
                    Text(words("settings.language_system")).tag(String?.none)
                    Text(verbatim: "English").tag(String?.some("en"))
                    Text(verbatim: "Français").tag(String?.some("fr"))
                }
            }
            notifications
            about
        }
        .navigationTitle(words("settings.title"))
        .navigationBarTitleDisplayMode(.inline)
        .toolbar {
            ToolbarItem(placement: .confirmationAction) { Button(words("app.close"), action: onDone) }
        }
    }

    private var notifications: some View {
        let now = state.settings
        return Section(words("settings.notifications")) {
            Toggle(
                words("settings.notifications_on"),
                isOn: Binding(
                    get: { now.notifications },
                    set: { events.notifications($0, content: now.notificationContent) }))
            Toggle(
                words("settings.notifications_content"),
                isOn: Binding(
                    get: { now.notificationContent }, set: { events.notifications(now.notifications, content: $0) })
            )
            .disabled(!now.notifications)
        }
    }

    private var about: some View {
        Section(words("settings.about")) {
            if let storage = state.storage {
                LabeledContent(words("settings.storage"), value: words.bytes(storage))
            }
            Text(words("settings.version", .text(state.version)))
            NavigationLink(value: SettingsPlace.licences) { Text(words("settings.licences")) }
        }
    }
}

/// Where one gets from the settings.
enum SettingsPlace: Hashable { case devices, licences }

/// What Pli is made of, and by what right.
struct LicencesView: View {
    let licences: Licences
    @Environment(\.words) private var words

    var body: some View {
        List(licences.components) { component in
            NavigationLink {
                ScrollView { Text(verbatim: licences.texts[component.text]).font(.footnote).padding(Gap.edge) }
                    .navigationTitle(component.name)
            } label: {
                VStack(alignment: .leading, spacing: Gap.tiny) {
                    Text(verbatim: "\(component.name) \(component.version)")
                    Text(verbatim: component.licence).font(.subheadline).foregroundStyle(.secondary)
                }
            }
        }
        .navigationTitle(words("settings.licences"))
        .navigationBarTitleDisplayMode(.inline)
    }
}
