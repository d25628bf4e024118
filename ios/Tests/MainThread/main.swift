import Foundation
import Pli

@testable import PliScreens

// main-thread FOLDER LINK LINK: two phones talk, and the bytes that the main thread read and wrote of files meanwhile are
// counted, by the system's account. The main actor runs on the main thread here, as in an app.

/// A page of a store has more.
let most = 2_048

/// Bytes in reads and writes, but for eight in each: that is how a thread is woken up.
@MainActor func bytes() -> Int {
    precondition(Thread.isMainThread)
    let account = try! String(contentsOfFile: "/proc/thread-self/io", encoding: .utf8)
    var figures: [Substring: Int] = [:]
    for line in account.split(separator: "\n") {
        let parts = line.split(separator: ":")
        figures[parts[0]] = Int(parts[1].dropFirst())
    }
    return figures["rchar"]! + figures["wchar"]! - 8 * (figures["syscr"]! + figures["syscw"]!)
}

@MainActor func until(_ so: () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while !so() {
        guard ContinuousClock.now < end else { throw CancellationError() }
        try await Task.sleep(for: .milliseconds(10))
    }
}

@MainActor func session(_ name: String, _ link: String) async throws -> Session {
    let folder = URL(fileURLWithPath: CommandLine.arguments[1]).appendingPathComponent(name)
    let session = Session(home: Home(folder: folder) { FileKeyStore(path: folder.path + "-\($0).key") })
    await session.start()
    try await session.join(link)
    return session
}

/// Every screen, and what is done on it.
@MainActor func use(_ one: Session, _ other: Session) async throws {
    let new = NewConversationPresenter(one.client!)
    Task { await new.run() }
    try await until { new.state.people?.isEmpty == false }
    let person = new.state.people![0].id
    new.choose(person)
    new.start()
    try await until { new.state.opened != nil }
    let here = ConversationPresenter(one.client!, new.state.opened!)
    let list = ConversationsPresenter(one.client!)
    let theirs = ConversationsPresenter(other.client!)
    let devices = DevicesPresenter(one.client!)
    let settings = SettingsPresenter(one, version: "1")
    let face = PersonPresenter(one.client!, person)
    for run in [here.run, list.run, theirs.run, devices.run, settings.run, face.run] { Task { await run() } }
    try await until { here.state.lines != nil && devices.state.devices != nil && face.state.safetyNumber != nil }
    face.verify()
    settings.appearance(.dark)
    for number in 0..<30 {
        here.draftChanged("draft \(number)")
        here.draftChanged("message \(number)")
        here.send()
        here.older()
    }
    try await until { theirs.state.rows?.first?.unread == 30 }
    let there = ConversationPresenter(other.client!, theirs.state.rows![0].id)
    Task { await there.run() }
    try await until { there.state.lines?.count ?? 0 > 30 }
    guard case .message(let last) = there.state.lines!.last! else { throw CancellationError() }
    there.seen(last.id)
    there.react(to: last.id, with: "👍")
    there.reply(to: last.id)
    there.jump(to: last.id)
    list.mute(here.id)
    try await until { theirs.state.rows?.first?.unread == 0 && list.state.rows?.first?.isMuted == true }
    await one.suspend()
    await one.resume()
    _ = await one.wakeUp(within: .seconds(5))
    here.draftChanged("after")
    here.send()
    try await until { theirs.state.rows?.first?.unread == 1 || there.state.lines?.count ?? 0 > 33 }
}

Task { @MainActor in
    do {
        // The account sees a file of one page that this thread reads.
        let page = URL(fileURLWithPath: CommandLine.arguments[1] + "-page")
        try Data(count: 4_096).write(to: page)
        let before = bytes()
        _ = try Data(contentsOf: page)
        let start = bytes()
        guard start - before > most else { throw CancellationError() }
        let one = try await session("one", CommandLine.arguments[2])
        let other = try await session("other", CommandLine.arguments[3])
        try await use(one, other)
        let done = bytes() - start
        print("the main thread read and wrote \(done) bytes")
        exit(done > most ? 1 : 0)
    } catch {
        print("did not come to its end: \(error)")
        exit(2)
    }
}
RunLoop.main.run()
