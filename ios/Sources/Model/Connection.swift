import Pli

/// One line about the connection or the device, where it matters.
struct Banner: Equatable, Sendable {
    enum Action: Equatable, Sendable { case joinAgain }

    let sentence: Sentence
    var isWorking = false
    var action: Action?
}

/// What there is to say of the connection, once it lasts: nobody wants to read of every moment's attempt.
@MainActor final class Connection {
    private let show: (Banner?) -> Void
    private var state: Banner?
    private var warning: Banner?
    private var later: Task<Void, Never>?

    /// So long a connection may take before it is worth a word.
    private static let patience = Duration.seconds(2)

    init(_ show: @escaping (Banner?) -> Void) { self.show = show }

    func run(_ client: Client) async {
        async let states: Void = follow(client.state) { self.heed($0) }
        async let warnings: Void = follow(client.warnings) { self.heed($0) }
        _ = await (states, warnings)
    }

    private func heed(_ state: ClientState) {
        later?.cancel()
        switch state {
        case .connecting:
            // Each new attempt says so; what was said of the last stays until it is known better.
            guard self.state != .unreachable else { return }
            later = Task {
                try? await Task.sleep(for: Self.patience)
                if !Task.isCancelled { set(Banner(sentence: Sentence("conversations.connecting"), isWorking: true)) }
            }
        case .catchingUp(let left):
            set(Banner(sentence: Sentence("conversations.catching_up", count: Int(left)), isWorking: true))
        case .offline: set(.unreachable)
        case .stopped(.reEnrol): set(Banner(sentence: Sentence("conversations.revoked"), action: .joinAgain))
        case .stopped(.update): set(Banner(sentence: Sentence("conversations.update")))
        case .online, .suspended, .stopped: set(nil)
        }
    }

    private func heed(_ warnings: [Warning]) {
        // The clock first: it may be why the list seems old.
        warning = warnings.first.map {
            switch $0 {
            case .clockWrong: Banner(sentence: Sentence("problem.clock_wrong"))
            case .revocationsOld: Banner(sentence: Sentence("conversations.revocations_old"))
            }
        }
        show(state ?? warning)
    }

    private func set(_ banner: Banner?) {
        state = banner
        show(banner ?? warning)
    }
}

extension Banner {
    static let unreachable = Banner(sentence: Sentence("conversations.unreachable"))
}
