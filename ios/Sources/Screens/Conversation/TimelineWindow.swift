import Pli

/// The part of a timeline that is on the screen and around it: follows it, widens it, moves it elsewhere.
@MainActor final class TimelineWindow {
    /// Shows lines, and the way to the newest if that is not among those on the screen.
    var show: (([TimelineLine], Newest?) -> Void)?

    private let conversation: Pli.Conversation
    private var timeline: Timeline
    private var following: Task<Void, Never>?
    private var lines: [TimelineLine] = []
    /// The window ends with the conversation's end, and goes on with it.
    private var isAtEnd = true
    private var isLoading = false
    /// The newest line on the screen, and the newest that ever was there.
    private var visible: ItemId?
    private var furthest: ItemId?
    private var target: ((TimelineLine.Id) -> Void, ItemId?)?
    private let markRead: Latest<(Timeline, ItemId)>

    /// As wide as the core lets a window get.
    private static let widest = 1_000

    init(_ conversation: Pli.Conversation) {
        self.conversation = conversation
        timeline = conversation.timeline()
        markRead = Latest { try? await $0.0.markRead(upTo: $0.1) }
    }

    /// Looks at what was not read yet.
    func begin(at entry: ItemId) {
        timeline = conversation.timeline(around: entry)
        isAtEnd = false
    }

    /// Begins anew where it is, with lines made so.
    func restart(_ maker: TimelineLines) {
        following?.cancel()
        following = Task { [weak self, timeline] in
            await follow(timeline.items, as: { maker($0) }) { self?.take($0, of: timeline) }
        }
        if !isAtEnd { newer() }
    }

    func stop() { following?.cancel() }

    func jump(to entry: ItemId?, _ maker: TimelineLines, scroll: @escaping (TimelineLine.Id) -> Void) {
        if let entry, lines.contains(where: { $0.id == .entry(entry) }) { return scroll(.entry(entry)) }
        if entry == nil, isAtEnd, let last = lines.last { return scroll(last.id) }
        timeline = conversation.timeline(around: entry)
        isAtEnd = entry == nil
        target = (scroll, entry)
        restart(maker)
    }

    func older(_ maker: TimelineLines, scroll: @escaping (TimelineLine.Id) -> Void) {
        load { [self] timeline in
            if try await timeline.loadOlder() { return }
            guard timeline === self.timeline, entries.count >= Self.widest, let oldest = entries.first else { return }
            // Full, and not the beginning: the window moves.
            self.timeline = conversation.timeline(around: oldest)
            isAtEnd = false
            target = (scroll, oldest)
            restart(maker)
        }
    }

    func newer() {
        guard !isAtEnd else { return }
        load { [self] timeline in
            let goesOn = try await timeline.loadNewer()
            if !goesOn, timeline === self.timeline {
                isAtEnd = true
                show?(lines, newest)
            }
        }
    }

    func seen(_ entry: ItemId) {
        visible = entry
        guard place(of: entry) > furthest.map(place) ?? -1 else { return }
        furthest = entry
        markRead((timeline, entry))
    }

    /// How to get to the newest: how many messages of others came below, or that it is far away.
    var newest: Newest? {
        guard let visible else { return nil }
        let below = lines.suffix(from: place(of: visible) + 1)
        let unseen = lines.suffix(from: max(place(of: visible), furthest.map(place) ?? -1) + 1)
        let count = unseen.count { if case .message(let bubble) = $0 { !bubble.mine } else { false } }
        if count > 0 { return .messages(count) }
        return isAtEnd && below.count <= Self.near ? nil : .away
    }

    /// So few lines below need no button.
    private static let near = 5

    private var entries: [ItemId] {
        lines.compactMap { if case .entry(let entry) = $0.id { entry } else { nil } }
    }

    private func place(of entry: ItemId) -> Int { lines.lastIndex { $0.id == .entry(entry) } ?? -1 }

    private func take(_ lines: [TimelineLine], of timeline: Timeline) {
        guard timeline === self.timeline else { return }
        self.lines = lines
        show?(lines, newest)
        guard let (scroll, entry) = target, let last = lines.last else { return }
        let line = entry.map(TimelineLine.Id.entry) ?? last.id
        target = nil
        if lines.contains(where: { $0.id == line }) { scroll(line) }
    }

    private func load(_ work: @escaping @MainActor (Timeline) async throws -> Void) {
        guard !isLoading else { return }
        isLoading = true
        Task { [timeline] in
            try? await work(timeline)
            isLoading = false
        }
    }
}
