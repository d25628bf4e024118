import Foundation
import Pli

@testable import PliScreens

// life FOLDER behind|front LINK, and then life FOLDER again: a phone whose process is killed, and the process after it. It
// says on a line of its own how far it is, and waits for the words of the test that starts and kills it.

func tell(_ word: String) {
    print(word)
    fflush(nil)
}

func heed(_ word: String) async throws {
    guard await elsewhere({ readLine() }) == word else { throw CancellationError() }
}

@MainActor func until(_ so: () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while !so() {
        guard ContinuousClock.now < end else { throw CancellationError() }
        try await Task.sleep(for: .milliseconds(10))
    }
}

extension ConversationPresenter {
    var own: [Bubble] {
        (state.lines ?? []).compactMap { if case .message(let bubble) = $0, bubble.mine { bubble } else { nil } }
    }
}

@MainActor func conversation(_ list: ConversationsPresenter, _ client: Client) async throws -> ConversationPresenter {
    Task { await list.run() }
    try await until { list.state.rows?.count == 1 }
    let conversation = ConversationPresenter(client, list.state.rows![0].id)
    Task { await conversation.run() }
    try await until { conversation.state.composer != nil && conversation.state.lines != nil }
    return conversation
}

/// Until it is killed.
@MainActor func first(_ session: Session, isBehind: Bool) async throws {
    try await session.join(CommandLine.arguments[3])
    tell("joined")
    try await heed("said")
    let list = ConversationsPresenter(session.client!)
    let here = try await conversation(list, session.client!)
    tell("reading")
    try await heed("offline")
    try await until { here.state.connection == .unreachable }
    here.draftChanged("Dit sans réseau")
    here.send()
    for letters in ["À", "À moi", "À moitié", "À moitié dit"] {
        here.draftChanged(letters)
        await Task.yield()
    }
    if isBehind {
        // In the same moment; what was typed and sent is on disk before the store is let go.
        await session.suspend()
        tell("behind")
    } else {
        try await until { here.own.last?.tick == .waiting && list.state.rows?.first?.isDraft == true }
        tell("typed")
    }
    try await Task.sleep(for: .seconds(600))
}

@MainActor func again(_ session: Session) async throws {
    let list = ConversationsPresenter(session.client!)
    let here = try await conversation(list, session.client!)
    let draft = Sentence("conversations.draft", .text("À moitié dit"))
    try await until { list.state.rows?.first?.line == .sentence(draft) && here.state.composer?.text == "À moitié dit" }
    try await until { here.own.map(\.text) == [.text("Dit sans réseau")] && here.own.last?.tick == .waiting }
    tell("restored")
    try await heed("online")
    session.client!.networkChanged()
    here.send()
    try await until { here.own.count == 2 && here.own.allSatisfy { $0.tick == .sent } }
    tell("done")
    try await heed("end")
}

Task { @MainActor in
    do {
        let folder = URL(fileURLWithPath: CommandLine.arguments[1])
        let session = Session(home: Home(folder: folder) { FileKeyStore(path: folder.path + "-\($0).key") })
        await session.start()
        switch CommandLine.arguments[2] {
        case "again": try await again(session)
        case let way: try await first(session, isBehind: way == "behind")
        }
        exit(0)
    } catch {
        tell("did not come to its end: \(error)")
        exit(2)
    }
}
RunLoop.main.run()
