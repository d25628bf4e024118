import Foundation
import Observation
import Pli

/// Shows and keeps what a person chose. What iOS has no say about (screenshots, a lasting connection) is not offered.
@MainActor @Observable final class SettingsPresenter: SettingsEvents {
    var state: SettingsState {
        SettingsState(
            settings: session.settings, storage: storage, me: me, organisation: organisation, version: version)
    }

    private let session: Session
    private let version: String
    private var storage: Int64?
    private var me: Avatar?
    private var organisation = ""

    init(_ session: Session, version: String) {
        self.session = session
        self.version = version
    }

    func run() async {
        guard let client = session.client else { return }
        me = (try? await client.me()).map(Avatar.init)
        organisation = (try? await client.organisation()) ?? ""
        storage = (try? await client.storageUsed()).map { Int64(clamping: $0) }
    }

    func appearance(_ appearance: Settings.Appearance) { session.change { $0.appearance = appearance } }

    /// A language's code; nil for the phone's.
    func language(_ language: String?) { session.change { $0.language = language } }

    func notifications(_ isOn: Bool, content: Bool) {
        session.change {
            $0.notifications = isOn
            $0.notificationContent = content
        }
    }
}
