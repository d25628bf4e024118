import Foundation
import Observation
import Pli

/// Shows the conversation list, and how this device is doing.
@MainActor @Observable final class ConversationsPresenter: Presenter, ConversationsEvents {
    private(set) var state = ConversationsState()
    @ObservationIgnored private let client: Client
    @ObservationIgnored private lazy var connection = Connection { [weak self] in self?.state.banner = $0 }

    init(_ client: Client) { self.client = client }

    var problem: Sentence? {
        get { state.problem }
        set { state.problem = newValue }
    }

    /// Follows the core while the screen is there.
    func run() async {
        async let list: Void = follow(client.conversations, as: { $0.map { ConversationRow($0) } }) { self.state.rows = $0 }
        async let doing: Void = connection.run(client)
        // The server tells the name some time after the first start.
        async let name: Void = follow(client.state) { _ in await self.learnName() }
        _ = await (list, doing, name)
    }

    private func learnName() async {
        guard state.organisation.isEmpty, let name = try? await client.organisation() else { return }
        state.organisation = name
    }

    /// No notifications of it, until that is undone.
    func mute(_ conversation: ConversationId) { mute(conversation, until: .distantFuture) }

    func unmute(_ conversation: ConversationId) { mute(conversation, until: nil) }

    private func mute(_ id: ConversationId, until: Date?) {
        let conversation = client.conversation(id)
        act { try await conversation.mute(until: until) }
    }
}

extension ConversationRow {
    init(_ info: ConversationInfo, now: Date = Date()) {
        id = info.id
        avatar = Avatar(info)
        isDraft = !info.draft.isEmpty
        line = isDraft ? .sentence(Sentence("conversations.draft", .text(info.draft))) : Self.line(info)
        tick = isDraft ? nil : info.last?.delivery.map(Tick.init)
        at = info.activeAt
        unread = Int(info.unread)
        isMuted = info.mutedUntil.map { $0 > now } ?? false
    }

    private static func line(_ info: ConversationInfo) -> Phrase {
        guard let last = info.last else { return .sentence(Sentence("conversations.nothing_said")) }
        let said = Phrase(last.content)
        if last.mine { return .sentence(Sentence("conversations.said_by_you", said)) }
        if info.kind == .pair { return said }
        return .sentence(Sentence("conversations.said_by", .text(last.sender.name), said))
    }
}

extension Phrase {
    /// What was said, in one line.
    init(_ content: Content) {
        switch content {
        case .text(let body, _): self = .text(body)
        case .deleted: self = .sentence(Sentence("conversation.deleted"))
        case .unknown: self = .sentence(Sentence("conversation.unknown"))
        case .unreadable: self = .sentence(Sentence("conversation.unreadable"))
        }
    }
}

extension Avatar {
    init(_ info: ConversationInfo) { self.init(name: info.name, initials: info.initials, colour: Int(info.colour)) }
    init(_ person: Person) { self.init(name: person.name, initials: person.initials, colour: Int(person.colour)) }
}
