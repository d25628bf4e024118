public import Foundation
import PliNative

/// A device of the organisation's, open. Everything may be called from any actor and any thread; nothing blocks but
/// `suspend`, `resume` and `close`, which take a moment.
///
/// Calls throw `PliError`, whose `advice()` says what to do; waiting calls throw `CancellationError` when their task is
/// cancelled. Streams are what *is*: they begin with what is on disk, never throw, and end when the client is closed.
public final class Client: Sendable {
    let raw: RawClient

    init(raw: RawClient) { self.raw = raw }

    /// Opens the device in a folder. Never makes one: `PliError.NotEnrolled` if there is none.
    public static func open(_ folder: URL, keys: any KeyStore) async throws -> Client {
        try await cancellable { Client(raw: try await .open(folder: folder.path, keys: keys, cancel: $0)) }
    }

    /// Makes a device in a folder that has none, by an invitation. If it fails half-way it may be repeated.
    public static func join(_ folder: URL, keys: any KeyStore, link: String) async throws -> Client {
        try await cancellable { Client(raw: try await .join(folder: folder.path, keys: keys, link: link, cancel: $0)) }
    }

    /// One bounded sync after a wake-up or by a timer. Uses the client that is open on this folder, if there is one.
    public static func wakeUp(_ folder: URL, keys: any KeyStore, within: Duration) async throws -> SyncResult {
        try await cancellable {
            try await PliNative.wakeUp(folder: folder.path, keys: keys, within: within.seconds, cancel: $0)
        }
    }

    /// Erases the device in a folder, for ever: its key, then its store. For one that is out, before `join` with a new
    /// invitation.
    public static func forget(_ folder: URL, keys: any KeyStore) async throws {
        try await PliNative.forget(folder: folder.path, keys: keys)
    }

    /// The newest lines of the log, at most 1,000, without personal data.
    public static func diagnostics() -> [String] { PliNative.diagnostics() }

    /// What the client is doing.
    public var state: Values<ClientState> {
        Values { [raw] in let stream = raw.states(); return Pulled(next: stream.next, stop: stream.stop) }
    }

    /// The conversation list, the last active first.
    public var conversations: Lists<ConversationInfo> {
        listed { [raw] in let stream = raw.conversations(); return (stream.next, stream.stop) }
    }

    /// Every message of every conversation, in order, from where the last run stopped: for bots. Asking for the next
    /// says that the last was handled: a crash repeats one message, and loses none.
    public var messages: Values<Message> {
        Values { [raw] in let stream = raw.messages(); return Pulled(next: stream.next, stop: stream.stop) }
    }

    /// Every message that the person wants to be told of, once: not in muted conversations, nor what was read already.
    /// Begins with what came since the last run or `sync`; asking for the next says that the last was shown.
    public var notices: Values<MessageNotice> {
        Values { [raw] in let stream = raw.notices(); return Pulled(next: stream.next, stop: stream.stop) }
    }

    /// What the person should know of, while the client goes on; mostly nothing.
    public var warnings: Values<[Warning]> {
        Values { [raw] in let stream = raw.warnings(); return Pulled(next: stream.next, stop: stream.stop) }
    }

    /// The own person's devices, oldest first. The server is asked, if it can be reached, on which days they were last
    /// seen; of all else it tells by itself.
    public var devices: Lists<DeviceInfo> {
        listed { [raw] in let stream = raw.devices(); return (stream.next, stream.stop) }
    }

    /// The people whose name or department contains each word of a query; all for an empty one.
    public func directory(_ query: String = "") -> Lists<Person> {
        listed { [raw] in let stream = raw.directory(query: query); return (stream.next, stream.stop) }
    }

    /// What a screen shows of a person.
    public func personInfo(_ id: PersonId) -> Values<PersonInfo> {
        Values { [raw] in let stream = raw.personInfos(id: id); return Pulled(next: stream.next, stop: stream.stop) }
    }

    /// A handle on a conversation: no I/O, nothing to close.
    public func conversation(_ id: ConversationId) -> Conversation {
        Conversation(id: id, raw: raw.conversation(id: id))
    }

    /// The conversation list as it is now.
    public func conversationList() async throws -> [ConversationInfo] { try await raw.conversationList() }

    /// The own person.
    public func me() async throws -> Person { try await raw.me() }

    /// Somebody whom the directory knows.
    public func person(_ id: PersonId) async throws -> Person { try await raw.person(id: id) }

    /// The organisation's name.
    public func organisation() async throws -> String { try await raw.organisation() }

    /// The people of `directory` as they are now.
    public func people(_ query: String = "") async throws -> [Person] {
        try await cancellable { [raw] in try await raw.people(query: query, cancel: $0) }
    }

    /// Makes a group with these people, of which the own person is the owner.
    public func createGroup(_ name: String, with people: [PersonId] = []) async throws -> Conversation {
        conversation(try await raw.createGroup(name: name, people: people))
    }

    /// The conversation with one other person. Nothing is sent before something is said.
    public func pair(with person: PersonId) async throws -> Conversation {
        conversation(try await raw.pair(person: person))
    }

    /// The own person's devices as they are now.
    public func deviceList() async throws -> [DeviceInfo] { try await raw.deviceList() }

    /// Lets a further device of the own person into every conversation, after the number was compared on both.
    public func approve(_ device: DeviceId, number: String) async throws {
        try await raw.approve(device: device, number: number)
    }

    /// Revokes a device of the own person, such as a lost phone: it is outside of every conversation.
    public func revoke(_ device: DeviceId) async throws {
        try await cancellable { [raw] in try await raw.revoke(device: device, cancel: $0) }
    }

    /// The number to compare with a person: 60 digits, the same on their screen.
    public func safetyNumber(of person: PersonId) async throws -> String { try await raw.safetyNumber(person: person) }

    /// Notes that the number was compared; `verification` says so until it changes.
    public func verify(_ person: PersonId) async throws { try await raw.verify(person: person) }

    /// Whether the number was compared with this person, and is still that.
    public func verification(of person: PersonId) async throws -> Verification {
        try await raw.verification(person: person)
    }

    /// Bytes that the store takes on this device.
    public func storageUsed() async throws -> UInt64 { try await raw.storageUsed() }

    /// Waits until all was fetched and sent, but no longer than `within`.
    public func sync(within: Duration) async throws -> SyncResult {
        try await cancellable { [raw] in try await raw.sync(within: within.seconds, cancel: $0) }
    }

    /// Try to connect now: the network changed.
    public func networkChanged() { raw.networkChanged() }

    /// Stops all work. When this returns no lock and no socket is held: the process may be frozen.
    public func suspend() throws { try raw.suspend() }

    /// Undoes `suspend`.
    public func resume() throws { try raw.resume() }

    /// Ends the client: streams end, calls throw `PliError.Closed`, files and threads are released.
    public func close() { raw.end() }
}
