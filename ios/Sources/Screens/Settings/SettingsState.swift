import Foundation

/// What a person may choose on this phone, and what the app is.
struct SettingsState: Equatable, Sendable {
    var settings = Settings()
    /// Bytes; absent until the store was asked.
    var storage: Int64?
    var me: Avatar?
    var organisation = ""
    let version: String
}

/// What a person does here.
@MainActor protocol SettingsEvents: AnyObject, Sendable {
    func appearance(_ appearance: Settings.Appearance)
    func language(_ language: String?)
    func notifications(_ isOn: Bool, content: Bool)
}
