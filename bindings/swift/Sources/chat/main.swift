import Foundation
import Pli

// A chat in the terminal: `chat FOLDER GROUP [LINK]`, with a link the first time.
let (arguments, group) = (CommandLine.arguments, CommandLine.arguments[2])
let client = try await start(in: URL(fileURLWithPath: arguments[1]), link: arguments.count > 3 ? arguments[3] : nil)
say("waiting for \(group)")
for await list in client.conversations {
    guard let found = list.first(where: { $0.name == group }) else { continue }
    try await chat(in: client.conversation(found.id))
    break
}
client.close()

/// Opens the device in a folder, or makes one.
func start(in folder: URL, link: String?) async throws -> Client {
    let keys = FileKeyStore(path: folder.path + ".key")  // on a phone: the keychain
    do {
        return try await Client.open(folder, keys: keys)
    } catch PliError.NotEnrolled {
        return try await Client.join(folder, keys: keys, link: link ?? "")
    }
}

/// Shows what is said, and sends each line that is typed.
func chat(in conversation: Conversation) async throws {
    let showing = Task { await show(conversation) }
    for await line in lines() {
        do {  // on disk at once; here we wait until it is in the group
            _ = try await conversation.settled(conversation.send(line))
        } catch let error as PliError {
            say("! \(error.advice())")
        }
    }
    showing.cancel()
}

/// Prints each message once. The stream gives the whole window after each change.
func show(_ conversation: Conversation) async {
    var shown: Set<ItemId> = []
    for await items in conversation.timeline().items {
        for case .said(let message) in items {
            guard case .text(let body, _) = message.content, shown.insert(message.id).inserted else { continue }
            say("\(message.sender.name): \(body)")
        }
    }
}

func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

func lines() -> AsyncStream<String> {
    AsyncStream { stream in
        Thread.detachNewThread {
            while let line = readLine() { stream.yield(line) }
            stream.finish()
        }
    }
}
