import Foundation

/// What a person chose for this phone. Nothing in it is secret.
struct Settings: Codable, Equatable, Sendable {
    enum Appearance: String, Codable, Sendable, CaseIterable { case system, light, dark }

    var appearance = Appearance.system
    /// A language's code; the phone's if there is none.
    var language: String?
    /// Tell of new messages.
    var notifications = true
    /// With name and text.
    var notificationContent = false
    /// Which of the folders holds the device: a new invitation makes a device in the next one.
    var device = 1
}

/// Keeps the settings in a file, away from whoever asks: saving never fails loudly, since what was chosen holds anyway
/// until the app ends.
struct SettingsFile: Sendable {
    let place: URL

    func load() -> Settings {
        guard let data = try? Data(contentsOf: place) else { return Settings() }
        return (try? JSONDecoder().decode(Settings.self, from: data)) ?? Settings()
    }

    func save(_ settings: Settings) {
        guard let data = try? JSONEncoder().encode(settings) else { return }
        try? FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try? data.write(to: place, options: .atomic)
    }
}
