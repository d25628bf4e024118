#if os(macOS) || os(Linux)
public import Foundation

/// Nothing in a test takes that long, on a busy machine too.
public let patience = Duration.seconds(60)

public struct TookTooLong: Error {
    public init() {}
}

/// The server's program failed.
struct Failed: Error {
    let code: Int32
}

/// An organisation's server, `pli serve`, as a process of its own: for the tests of this package, and of apps over it.
public final class Server: @unchecked Sendable {
    public static let program = URL(fileURLWithPath: ProcessInfo.processInfo.environment["PLI_PROGRAM"]!)

    /// Of this test alone, for devices' stores too.
    public let folder: URL
    /// Where it keeps what it has.
    public let data: URL
    public private(set) var address = "127.0.0.1:0"
    private var process = Process()

    public init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("pli-\(UUID().uuidString)")
        data = folder.appendingPathComponent("server")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try start()
    }

    /// Starts it, where it was if it was started before.
    public func start() throws {
        let out = Pipe()
        process = Process()
        process.executableURL = Server.program
        process.arguments = ["serve", "--data", data.path, "--listen", address, "--json"]
        process.standardOutput = out
        process.standardError = FileHandle.nullDevice
        try process.run()
        var line = Data()
        while let byte = try out.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8) { line += byte }
        struct Listening: Decodable { let address: String }
        address = try JSONDecoder().decode(Listening.self, from: line).address
        // So that it never waits for a reader.
        Thread.detachNewThread { _ = try? out.fileHandleForReading.readToEnd() }
    }

    public func kill() { if process.isRunning { process.die() } }

    /// Kills it, and deletes the folder.
    public func close() {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// An invitation's link.
    public func invite(_ arguments: String...) throws -> String {
        let (code, link) = try Server.run(["invite", "--data", data.path] + arguments)
        guard code == 0 else { throw Failed(code: code) }
        return link
    }

    /// Runs its program; the exit code and what it printed.
    public static func run(_ arguments: [String]) throws -> (code: Int32, text: String) {
        let process = Process(), out = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardOutput = out
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = try out.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self).trimmingCharacters(in: .newlines))
    }
}

extension Process {
    /// Ends it as a system does: nothing is said to anybody.
    public func die() {
        #if canImport(Glibc)
        Glibc.kill(processIdentifier, SIGKILL)
        #else
        Darwin.kill(processIdentifier, SIGKILL)
        #endif
        waitUntilExit()
    }
}

/// What `work` gives, unless it takes too long.
public func soon<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: patience)
            throw TookTooLong()
        }
        defer { group.cancelAll() }
        return try await group.next()!
    }
}
#endif
