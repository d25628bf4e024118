import Foundation
import Pli
import PliServer
import Testing

@testable import PliScreens

// The phone ends the process and starts another: real ones, see Tests/Life.

extension Scenarios {
    @Test func a_process_killed_behind_loses_nothing() async throws { try await dies("behind", saying: "behind") }

    @Test func a_process_killed_in_front_loses_nothing() async throws { try await dies("front", saying: "typed") }
}

@MainActor private func dies(_ way: String, saying word: String) async throws {
    try await World.with { world in
        let bao = try await world.enrol("Bảo")
        let first = try Life(world, way, try world.invite("Anne"))
        try await first.says("joined")
        let there = try await bao.group("Crue", with: "Anne")
        try await there.say("Bonjour")
        try await so { there.bubbles.last?.tick == .sent }
        try first.tell("said")
        try await first.says("reading")
        world.server.kill()
        try first.tell("offline")
        try await first.says(word)
        #expect(first.dies())
        let second = try Life(world, "again")
        try await second.says("restored")
        try world.server.start()
        bao.client.networkChanged()
        try second.tell("online")
        try await second.says("done")
        try await there.sees("À moitié dit")
        #expect(there.texts == ["Bonjour", "Dit sans réseau", "À moitié dit"])
        #expect(try second.ends())
    }
}

/// A phone in a process of its own.
@MainActor private final class Life {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ world: World, _ arguments: String...) throws {
        process.executableURL = World.program(beside: "life")
        process.arguments = [world.place("phone").path] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit { if process.isRunning { process.die() } }

    /// Waits until it says so, on its next line.
    func says(_ word: String, _ place: SourceLocation = #_sourceLocation) async throws {
        let output = output.fileHandleForReading
        let said = try await elsewhere {
            var line = Data()
            while let byte = try output.read(upToCount: 1), byte != Data("\n".utf8) { line += byte }
            return String(decoding: line, as: UTF8.self)
        }
        try #require(said == word, sourceLocation: place)
    }

    func tell(_ word: String) throws { try input.fileHandleForWriting.write(contentsOf: Data("\(word)\n".utf8)) }

    /// As the phone does it: nothing is said to the process. Whether it ended by that.
    func dies() -> Bool {
        process.die()
        return process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
    }

    /// Whether it comes to its own end.
    func ends() throws -> Bool {
        try tell("end")
        process.waitUntilExit()
        return process.terminationReason == .exit && process.terminationStatus == 0
    }
}
