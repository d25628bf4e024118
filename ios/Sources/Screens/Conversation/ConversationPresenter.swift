import Foundation
import Observation
import Pli

/// Shows one conversation, and passes on what is said in it.
@MainActor @Observable final class ConversationPresenter: Presenter, ConversationEvents {
    private(set) var state = ConversationState()
    let id: ConversationId

    @ObservationIgnored private let entry: ItemId?
    @ObservationIgnored private let client: Client
    @ObservationIgnored private let conversation: Pli.Conversation
    @ObservationIgnored private var window: TimelineWindow
    /// What is written when nothing is edited, kept aside while something is.
    @ObservationIgnored private var aside: String?
    /// Longest text that may be sent, once the core said so.
    @ObservationIgnored private var limit: Int?
    @ObservationIgnored private var hasBegun = false
    @ObservationIgnored private var sending: Task<Void, Never>?
    @ObservationIgnored private var maker = TimelineLines()
    @ObservationIgnored private lazy var connection = Connection { [weak self] in self?.state.connection = $0 }
    @ObservationIgnored private lazy var keepDraft = Latest<String> { [weak self] in await self?.keep($0) }

    /// Opened at its end, where the unread begin, or at an entry.
    init(_ client: Client, _ id: ConversationId, at entry: ItemId? = nil) {
        self.client = client
        self.id = id
        self.entry = entry
        conversation = client.conversation(id)
        window = TimelineWindow(conversation)
    }

    var problem: Sentence? {
        get { state.problem }
        set { state.problem = newValue }
    }

    /// Follows the core while the screen is there.
    func run() async {
        if !hasBegun { await begin() }
        window.show = { [weak self] in self?.show($0, newest: $1) }
        window.restart(maker)
        defer { window.stop() }
        async let info: Void = follow(conversation.info) { self.show($0) }
        async let doing: Void = connection.run(client)
        _ = await (info, doing)
    }

    // MARK: Writing

    func draftChanged(_ text: String) {
        guard var composer = state.composer, composer.text != text else { return }
        composer.text = text
        if let limit { composer.isTooLong = text.utf8.count > limit }
        state.composer = composer
        if case .edit = composer.mode { return }
        keepDraft(text)
    }

    func send() {
        guard let composer = state.composer, composer.canSend else { return }
        let (conversation, text) = (conversation, composer.text)
        state.composer = Composer(text: aside ?? "")
        let kept = aside
        aside = nil
        let isEdit = if case .edit = composer.mode { true } else { false }
        // The draft goes with what is sent, in the core: none of it may be kept after that.
        let keeping = isEdit ? nil : keepDraft.drop()
        let before = sending
        // One after the other: what was said first stands first.
        sending = Writes.begin { [self] in
            await before?.value
            await keeping?.value
            do {
                switch composer.mode {
                case .new: try await conversation.send(text)
                case .reply(let quote): try await conversation.send(text, replyTo: quote.entry)
                case .edit(let message): try await conversation.edit(message, to: text)
                }
                if isEdit { return }
                // Typed since, and perhaps kept before it was sent.
                if let typed = state.composer?.text, !typed.isEmpty { keepDraft(typed) }
                if state.newest != nil { jump(to: nil) }
            } catch {
                // Nothing is lost: it stands where it was written, unless something else does by now.
                note(error)
                guard state.composer?.text == kept ?? "", state.composer?.mode == .new else { return }
                aside = kept
                state.composer = composer
                if let limit { state.composer?.isTooLong = text.utf8.count > limit }
                if !isEdit { keepDraft(text) }
            }
        }
    }

    func reply(to message: ItemId) {
        guard let bubble = bubble(message) else { return }
        cancel()
        state.composer?.mode = .reply(to: QuoteLine(bubble))
    }

    func edit(_ message: ItemId) {
        guard let bubble = bubble(message), case .text(let text) = bubble.text, bubble.actions.contains(.edit) else { return }
        cancel()
        aside = state.composer?.text
        state.composer?.mode = .edit(message)
        state.composer?.text = text
    }

    /// No reply and no edit: what was written before is there again.
    func cancel() {
        guard let mode = state.composer?.mode else { return }
        state.composer?.mode = .new
        guard case .edit = mode else { return }
        state.composer?.text = aside ?? ""
        state.composer?.isTooLong = false
        aside = nil
    }

    // MARK: Messages

    /// For everyone; or takes back what was not sent.
    func delete(_ message: ItemId) { call { try await $0.delete(message) } }

    /// The same emoji again takes it back.
    func react(to message: ItemId, with emoji: String) {
        let mine = bubble(message)?.reactions.contains { $0.emoji == emoji && $0.mine } ?? false
        call { try await $0.react(to: message, with: mine ? nil : emoji) }
    }

    func retry(_ entry: ItemId) { call { try await $0.retry(entry) } }

    // MARK: Moving

    /// To a message, or to the newest.
    func jump(to entry: ItemId?) {
        window.jump(to: entry, maker) { [weak self] in self?.scroll(to: $0, marked: entry != nil) }
    }

    func older() { window.older(maker) { [weak self] in self?.scroll(to: $0) } }

    func newer() { window.newer() }

    /// This is the newest line on the screen.
    func seen(_ entry: ItemId) {
        window.seen(entry)
        let newest = window.newest
        if state.newest != newest { state.newest = newest }
    }

    // MARK: From the core

    private func begin() async {
        hasBegun = true
        let info = try? await conversation.currentInfo()
        let unread = try? await conversation.firstUnread()
        let members = (try? await conversation.memberList()) ?? []
        maker.me = try? await client.me().id
        maker.names = await elsewhere { Dictionary(members.map { ($0.person.id, $0.person.name) }) { name, _ in name } }
        maker.firstUnread = unread
        // A few unread are among the newest anyway.
        if let place = entry ?? (Int(info?.unread ?? 0) > Self.near ? unread : nil) { window.begin(at: place) }
        if let entry { scroll(to: .entry(entry), marked: true) } else if unread != nil { scroll(to: .unread) }
        if let info { show(info) }
        if let draft = info?.draft, state.composer?.text == "" { state.composer?.text = draft }
    }

    private func show(_ info: ConversationInfo) {
        let isGroup = info.kind == .group
        state.title = ConversationTitle(
            avatar: Avatar(info), detail: isGroup ? Sentence("conversation.members", count: Int(info.memberCount)) : nil,
            peer: info.peer)
        state.guests = isGroup && info.guestCount > 0 ? Sentence("conversation.guests", count: Int(info.guestCount)) : nil
        let writes = info.may.contains(.post) && info.membership.mayWrite
        state.notice = info.membership.notice ?? (writes ? nil : Sentence("conversation.announcements"))
        if !writes {
            state.composer = nil
        } else if state.composer == nil {
            state.composer = Composer(text: info.draft)
        }
        var made = maker
        made.isGroup = isGroup
        made.mayPost = writes
        made.mayDelete = writes && isGroup && (info.myRole == .admin || info.myRole == .owner)
        guard made != maker else { return }
        maker = made
        window.restart(maker)
    }

    private func show(_ lines: [TimelineLine], newest: Newest?) {
        state.lines = lines
        if state.newest != newest { state.newest = newest }
    }

    private func scroll(to line: TimelineLine.Id, marked: Bool = false) {
        state.target = ScrollTarget(line: line, isMarked: marked, number: (state.target?.number ?? 0) + 1)
    }

    // MARK: Below

    private static let near = 20

    private func keep(_ draft: String) async {
        do {
            try await conversation.setDraft(draft)
            if state.composer?.text == draft { state.composer?.isTooLong = false }
        } catch PliError.Invalid(.text, let limit) {
            self.limit = Int(limit)
            if state.composer?.text == draft { state.composer?.isTooLong = true }
        } catch {
            // The next letter tries again; what is sent does not depend on it.
        }
    }

    private func note(_ error: any Error) {
        if case PliError.Invalid(.text, let limit) = error, limit > 0 { self.limit = Int(limit) }
        problem = Sentence(error)
    }

    private func call(_ work: @escaping @Sendable (Pli.Conversation) async throws -> Void) {
        let conversation = conversation
        act { try await work(conversation) }
    }

    private func bubble(_ id: ItemId) -> Bubble? {
        for case .message(let bubble) in state.lines ?? [] where bubble.id == id { return bubble }
        return nil
    }
}

extension Membership {
    /// What the person should know of their place in the conversation.
    var notice: Sentence? {
        switch self {
        case .new, .member: nil
        case .returning: Sentence("conversation.returning")
        case .accessLost: Sentence("conversation.access_lost")
        case .removed: Sentence("conversation.removed")
        case .left: Sentence("conversation.left")
        case .behind: Sentence("conversation.behind")
        case .diverged: Sentence("conversation.diverged")
        }
    }

    /// What is written waits until it can go.
    var mayWrite: Bool {
        switch self {
        case .new, .member, .returning, .accessLost: true
        case .removed, .left, .behind, .diverged: false
        }
    }
}
