import Foundation
import PliServer
import Testing

@testable import Pli

/// An organisation with a real server, a process of its own, and people with devices.
final class World: @unchecked Sendable {
    private let lock = NSLock()
    let server: Server
    private var opened: [Client] = []

    /// Runs a test in a world of its own.
    static func with(_ test: (World) async throws -> Void) async throws {
        let world = try World()
        defer { world.close() }
        try await test(world)
    }

    init() throws {
        server = try Server()
    }

    func invite(_ name: String) throws -> String { try server.invite("--name", name) }

    /// Enrols a further device of a person.
    func enrolDevice(of person: Person, _ name: String) async throws -> Client {
        let link = try server.invite("--device-of", person.id.text)
        return try await keep(try await Client.join(place(name), keys: keys(name), link: link))
    }

    func place(_ name: String) -> URL { server.folder.appendingPathComponent(name) }

    func keys(_ name: String) -> any KeyStore { FileKeyStore(path: place(name).path + ".key") }

    /// Enrols a person, and waits until the device is online.
    func enrol(_ name: String) async throws -> Client {
        try await keep(try await Client.join(place(name), keys: keys(name), link: invite(name)))
    }

    func open(_ name: String) async throws -> Client {
        try await keep(try await Client.open(place(name), keys: keys(name)))
    }

    var clients: [Client] { lock.withLock { opened } }

    private func keep(_ client: Client) async throws -> Client {
        lock.withLock { opened.append(client) }
        try await client.online()
        return client
    }

    private func close() {
        clients.forEach { $0.close() }
        server.close()
    }
}

extension AsyncSequence where Self: Sendable, Element: Sendable {
    /// The first value that is right.
    @discardableResult
    func value(where right: @escaping @Sendable (Element) -> Bool) async throws -> Element {
        try await soon {
            for try await value in self where right(value) { return value }
            throw TookTooLong()
        }
    }
}

/// Asks until there is an answer.
@discardableResult
func until<Value: Sendable>(_ ask: @escaping @Sendable () async throws -> Value?) async throws -> Value {
    try await soon {
        while true {
            if let answer = try await ask() { return answer }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

extension Client {
    func online() async throws { try await state.value { $0 == .online } }

    /// The person of this name, once the directory shows them.
    func find(_ name: String) async throws -> Person {
        try await until { try await self.people(name).first { $0.name == name } }
    }

    /// The conversation of this name, once it is in the list.
    func named(_ name: String) async throws -> Conversation {
        let all = try await conversations.value { $0.contains { $0.name == name } }
        return conversation(all.first { $0.name == name }!.id)
    }
}

extension Conversation {
    /// The messages of a timeline, once they are right.
    func messages(where right: @escaping @Sendable ([Message]) -> Bool) async throws -> [Message] {
        try await timeline().items.value { right($0.messages) }.messages
    }

    /// Waits until this text is said.
    @discardableResult
    func sees(_ text: String) async throws -> Message {
        try await messages { $0.contains { $0.text == text } }.first { $0.text == text }!
    }

    func done(_ entry: ItemId) async throws {
        let end = try await soon { try await self.settled(entry) }
        try #require(end == .sent)
    }
}

extension [TimelineItem] {
    var messages: [Message] {
        compactMap { if case .said(let message) = $0 { message } else { nil } }
    }
}

extension Message {
    var text: String? { if case .text(let body, _) = content { body } else { nil } }
}

extension ClientState {
    var isOffline: Bool { if case .offline = self { true } else { false } }
}
