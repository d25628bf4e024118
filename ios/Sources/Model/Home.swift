import Foundation
import Pli

/// Where this app keeps its devices: each in a folder and by a key of its own, so that a new invitation never touches the
/// device that was here before.
struct Home: Sendable {
    let folder: URL
    /// The store of a device's key: the keychain on a phone.
    let keys: @Sendable (_ device: Int) -> any KeyStore

    private var file: SettingsFile { SettingsFile(place: folder.appendingPathComponent("chosen.json")) }

    func place(device: Int) -> URL { folder.appendingPathComponent("device-\(device)") }

    func settings() async -> Settings { file.load() }

    func save(_ settings: Settings) async { file.save(settings) }

    /// Whether something is there that a new device must not touch.
    func has(device: Int) async -> Bool {
        do {
            try await Client.open(place(device: device), keys: keys(device)).close()
            return true
        } catch PliError.NotEnrolled {
            return false
        } catch {
            return true
        }
    }

    func open(device: Int) async throws -> Client { try await Client.open(place(device: device), keys: keys(device)) }

    func join(_ link: String, device: Int) async throws -> Client {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try await Client.join(place(device: device), keys: keys(device), link: link)
    }

    func wakeUp(device: Int, within: Duration) async throws -> SyncResult {
        try await Client.wakeUp(place(device: device), keys: keys(device), within: within)
    }

    /// Erases a device that is out.
    func forget(device: Int) async {
        try? await Client.forget(place(device: device), keys: keys(device))
        try? FileManager.default.removeItem(at: place(device: device))
    }
}
