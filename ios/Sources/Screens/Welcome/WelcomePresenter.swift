import Foundation
import Observation
import Pli

/// Lets a person in by an invitation.
@MainActor @Observable final class WelcomePresenter: WelcomeEvents {
    private(set) var state: WelcomeState
    private let session: Session

    init(_ session: Session) {
        self.session = session
        state = WelcomeState()
        if case .welcome(let before) = session.stage { state.before = before }
    }

    func linkChanged(_ link: String) {
        guard link != state.link else { return }
        state.link = link
        state.problem = nil
    }

    func join() {
        guard state.canJoin else { return }
        state.isJoining = true
        state.problem = nil
        let link = state.link.trimmingCharacters(in: .whitespacesAndNewlines)
        Task {
            do {
                try await session.join(link)
            } catch PliError.Unavailable {
                state.problem = Sentence("welcome.no_network")
            } catch {
                state.problem = Sentence(error)
            }
            state.isJoining = false
        }
    }
}
