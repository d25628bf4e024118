import Foundation
import Pli
import PliServer
import Testing

@testable import PliScreens

/// An organisation with a real server, a process of its own, and phones.
@MainActor final class World {
    /// A program that was built with the tests.
    static func program(beside name: String) -> URL {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(name)
    }

    let server: Server
    private(set) var phones: [Phone] = []

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

    /// Time passes: nobody may use the invitations any more that nobody has used.
    func expire() throws {
        var database: OpaquePointer?
        try #require(sqliteOpen(server.data.appendingPathComponent("pli.db").path, &database) == 0)
        defer { _ = sqliteClose(database) }
        try #require(sqliteRun(database, "UPDATE invitations SET expires_ms = 0 WHERE device IS NULL", nil, nil, nil) == 0)
    }

    func place(_ name: String) -> URL { server.folder.appendingPathComponent(name) }

    /// A phone with the app on it, and nobody's yet.
    func phone(_ name: String) -> Phone {
        let folder = place(name)
        let home = Home(folder: folder) { FileKeyStore(path: folder.path + "-\($0).key") }
        let phone = Phone(home)
        phones.append(phone)
        return phone
    }

    /// A person's phone, joined and online.
    func enrol(_ name: String) async throws -> Phone {
        let phone = phone(name)
        await phone.session.start()
        try await phone.session.join(invite(name))
        try await phone.online()
        return phone
    }

    /// Two phones that talk in a pair, or in a group: Anne, who began it, said a text that Bảo sees.
    func talk(_ text: String, in group: String? = nil) async throws -> (
        anne: Phone, bao: Phone, there: ConversationPresenter, here: ConversationPresenter
    ) {
        let anne = try await enrol("Anne")
        let bao = try await enrol("Bảo")
        let there = if let group { try await anne.group(group, with: "Bảo") } else { try await anne.begin(with: "Bảo") }
        try await there.say(text)
        let here = try await bao.conversation(group ?? "Anne")
        try await here.sees(text)
        return (anne, bao, there, here)
    }

    private func close() {
        phones.forEach { $0.end() }
        server.close()
    }
}

// The core has SQLite in it; the server is another process.
@_silgen_name("sqlite3_open") private func sqliteOpen(_ path: UnsafePointer<CChar>, _ database: UnsafeMutablePointer<OpaquePointer?>) -> Int32
@_silgen_name("sqlite3_exec") private func sqliteRun(
    _ database: OpaquePointer?, _ sql: UnsafePointer<CChar>, _: OpaquePointer?, _: OpaquePointer?, _: OpaquePointer?
) -> Int32
@_silgen_name("sqlite3_close") private func sqliteClose(_ database: OpaquePointer?) -> Int32

/// A phone: the app's session, and screens that are looked at.
@MainActor final class Phone {
    private(set) var session: Session
    private(set) var notices: [Notice] = []
    private let home: Home
    private var screens: [Task<Void, Never>] = []

    init(_ home: Home) {
        self.home = home
        session = Session(home: home)
        session = newSession()
    }

    var client: Client { session.client! }

    func online() async throws { try await soon { [client] in for await state in client.state where state == .online { return } } }

    /// Looks at a screen until the phone ends, or `leave` is called.
    func show(_ run: @escaping @MainActor () async -> Void) { screens.append(Task { await run() }) }

    /// Looks at no screen any more.
    func leave() {
        screens.forEach { $0.cancel() }
        screens = []
    }

    /// The process is gone.
    func end() {
        leave()
        session.client?.close()
    }

    /// The process is gone, and the app started again.
    func restart() async throws {
        end()
        session = newSession()
        await session.start()
        try #require(session.client != nil)
    }

    func list() -> ConversationsPresenter {
        let list = ConversationsPresenter(client)
        show(list.run)
        return list
    }

    /// The conversation of this name, once it is in the list.
    func conversation(_ name: String) async throws -> ConversationPresenter {
        let list = list()
        let row = try await until { list.state.rows?.first { $0.avatar.name == name } }
        return open(row.id)
    }

    func open(_ id: ConversationId) -> ConversationPresenter {
        let conversation = ConversationPresenter(client, id)
        show(conversation.run)
        return conversation
    }

    /// Chooses people by name, and begins a conversation with them.
    func begin(with names: String..., named: String = "") async throws -> ConversationPresenter {
        let new = NewConversationPresenter(client)
        show(new.run)
        for name in names {
            new.queryChanged(name)
            let person = try await until { new.state.people?.first { $0.avatar.name == name && new.state.query == name } }
            new.choose(person.id)
            new.queryChanged("")
        }
        new.nameChanged(named)
        new.start()
        return open(try await until { new.state.opened })
    }

    private func newSession() -> Session { Session(home: home) { [weak self] in self?.notices.append($0) } }
}

/// Looks until there is what is asked for.
@discardableResult @MainActor
func until<Value: Sendable>(
    _ place: SourceLocation = #_sourceLocation, _ look: @MainActor () async throws -> Value?
) async throws -> Value {
    let end = ContinuousClock.now + patience
    while ContinuousClock.now < end {
        if let value = try await look() { return value }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("this never came", sourceLocation: place)
    throw TookTooLong()
}

/// Waits until something is so.
@MainActor func so(_ place: SourceLocation = #_sourceLocation, _ look: @MainActor () async throws -> Bool) async throws {
    try await until(place) { try await look() ? true : nil }
}

extension ConversationPresenter {
    var bubbles: [Bubble] {
        (state.lines ?? []).compactMap { if case .message(let bubble) = $0 { bubble } else { nil } }
    }

    var texts: [String] { bubbles.compactMap(\.said) }

    /// Types and sends.
    func say(_ text: String) async throws {
        try await so { self.state.composer != nil }
        draftChanged(text)
        send()
    }

    /// Waits until a text is on the screen.
    @discardableResult
    func sees(_ text: String, _ place: SourceLocation = #_sourceLocation) async throws -> Bubble {
        try await until(place) { self.bubbles.last { $0.said == text } }
    }
}

extension Bubble {
    var said: String? { if kind != .gone, case .text(let text) = text { text } else { nil } }
}
