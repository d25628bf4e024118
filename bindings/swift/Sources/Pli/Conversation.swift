public import Foundation
import PliNative

/// A handle on a conversation: no I/O, nothing to close, from any actor. Actions are on disk when their call returns,
/// online or not; what becomes of them shows in the timeline.
public final class Conversation: Sendable {
    public let id: ConversationId
    private let raw: RawConversation

    init(id: ConversationId, raw: RawConversation) {
        self.id = id
        self.raw = raw
    }

    /// What lists show of it.
    public var info: Values<ConversationInfo> {
        Values { [raw] in let stream = raw.infos(); return Pulled(next: stream.next, stop: stream.stop) }
    }

    /// Who is in it, the most powerful first.
    public var members: Lists<Member> {
        listed { [raw] in let stream = raw.members(); return (stream.next, stream.stop) }
    }

    /// A window on the newest items, or on those around an entry.
    public func timeline(around entry: ItemId? = nil) -> Timeline { Timeline(raw: raw.timeline(around: entry)) }

    /// What lists show of it now.
    public func currentInfo() async throws -> ConversationInfo { try await raw.info() }

    /// Who is in it now.
    public func memberList() async throws -> [Member] { try await raw.memberList() }

    /// The first message of others that was not seen yet.
    public func firstUnread() async throws -> ItemId? { try await raw.firstUnread() }

    /// Items before one, or the newest with what waits in the outbox; oldest first.
    public func items(before entry: ItemId? = nil, count: Int = 50) async throws -> [TimelineItem] {
        try await raw.items(before: entry, count: Int32(clamping: count))
    }

    /// Says something. The draft goes with it.
    @discardableResult
    public func send(_ text: String, replyTo: ItemId? = nil, mentions: [PersonId] = []) async throws -> ItemId {
        try await raw.send(text: text, replyTo: replyTo, mentions: mentions)
    }

    /// Replaces what an own message says, and whom it mentions.
    @discardableResult
    public func edit(_ message: ItemId, to text: String, mentions: [PersonId] = []) async throws -> ItemId {
        try await raw.edit(message: message, text: text, mentions: mentions)
    }

    /// Deletes a message for everyone, and gives the deletion's entry. What waits in the outbox or was refused is taken back, and gives nil.
    @discardableResult
    public func delete(_ message: ItemId) async throws -> ItemId? { try await raw.delete(message: message) }

    /// Reacts with an emoji; nil takes the own reaction back.
    @discardableResult
    public func react(to message: ItemId, with emoji: String?) async throws -> ItemId {
        try await raw.react(message: message, emoji: emoji)
    }

    /// Takes up again what was refused.
    public func retry(_ entry: ItemId) async throws { try await raw.retry(entry: entry) }

    /// Adds people, with all their devices.
    @discardableResult
    public func add(_ people: [PersonId]) async throws -> ItemId { try await raw.add(people: people) }

    /// Removes people: they can neither read nor write what follows.
    @discardableResult
    public func remove(_ people: [PersonId]) async throws -> ItemId { try await raw.remove(people: people) }

    /// Gives a person a role.
    @discardableResult
    public func setRole(of person: PersonId, to role: Role) async throws -> ItemId {
        try await raw.setRole(person: person, role: role)
    }

    /// Leaves a group, with all own devices.
    @discardableResult
    public func leave() async throws -> ItemId { try await raw.leave() }

    /// Renames a group.
    @discardableResult
    public func rename(to name: String) async throws -> ItemId { try await raw.rename(name: name) }

    /// Says what a group is about.
    @discardableResult
    public func setTopic(_ topic: String) async throws -> ItemId { try await raw.setTopic(topic: topic) }

    /// How long messages are shown; nil for ever.
    @discardableResult
    public func setLifetime(_ lifetime: Duration?) async throws -> ItemId {
        try await raw.setLifetime(lifetime: lifetime?.seconds)
    }

    /// The least role that may add people, post or rename.
    @discardableResult
    public func setLeastRole(for permission: Permission, to role: Role) async throws -> ItemId {
        try await raw.setLeastRole(permission: permission, role: role)
    }

    /// Keeps what was written and not sent.
    public func setDraft(_ draft: String) async throws { try await raw.setDraft(draft: draft) }

    /// No notifications until then; nil unmutes.
    public func mute(until: Date?) async throws { try await raw.mute(until: until) }

    /// Waits until an action is in the log, or was refused.
    public func settled(_ entry: ItemId) async throws -> DeliveryState {
        try await cancellable { [raw] in try await raw.settled(entry: entry, cancel: $0) }
    }
}

/// A window on a timeline: 50 items at first, 1,000 at most. Nothing to close.
public final class Timeline: Sendable {
    private let raw: RawTimeline

    init(raw: RawTimeline) { self.raw = raw }

    /// The items in the window, oldest first; at the end of the conversation also what waits in the outbox.
    public var items: Lists<TimelineItem> {
        listed { [raw] in let stream = raw.items(); return (stream.next, stream.stop) }
    }

    /// Widens the window by older items; false if there are none, or it is as wide as it gets.
    @discardableResult
    public func loadOlder(_ count: Int = 50) async throws -> Bool {
        try await raw.loadOlder(count: Int32(clamping: count))
    }

    /// Moves the window's end by newer items; false at the end, which it follows from then on.
    @discardableResult
    public func loadNewer(_ count: Int = 50) async throws -> Bool {
        try await raw.loadNewer(count: Int32(clamping: count))
    }

    /// Everything up to this item was seen.
    public func markRead(upTo item: ItemId) async throws { try await raw.markRead(upTo: item) }
}
