import Foundation
import PliServer
import Testing

@testable import Pli

extension Scenarios {
    @Test func cancelling_leaves_a_consistent_state() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let alone = try await anne.createGroup("Alone")
            try await world.enrol("Chloé").close()
            let asleep = world.place("Chloé"), itsKeys = world.keys("Chloé")
            let calls: [@Sendable (Int) async throws -> Void] = [
                { try await alone.send("\($0)") },
                { _ in _ = try await anne.people("x") },
                { _ in _ = try await anne.sync(within: .seconds(1)) },
                { _ = try await anne.createGroup("group \($0)") },
                { _ in for await items in alone.timeline().items where items.count > 100_000 { break } },
                { _ in for await state in anne.state where state == .suspended { break } },
                { _ = try await alone.settled(alone.send("settled \($0)")) },
                { _ in _ = try await Client.wakeUp(asleep, keys: itsKeys, within: .seconds(1)) },
                { _ in try await anne.revoke(DeviceId(String(repeating: "00", count: 16))) },
                { _ in for await devices in anne.devices where devices.isEmpty { break } },
            ]
            for number in 0..<400 {
                let call = Task { try await calls[number % calls.count](number) }
                try await Task.sleep(for: .microseconds(Int.random(in: 0..<4_000)))
                call.cancel()
                _ = await call.result
            }
            // What was accepted was accepted whole, and all of it arrives.
            try await alone.done(alone.send("the end"))
            let texts = try await alone.items(count: 1_000).messages.map(\.text)
            #expect(Set(texts).count == texts.count)
            #expect(try await anne.conversationList().allSatisfy { $0.name == "Alone" || $0.name.hasPrefix("group ") })
            // Woken up and stopped, again and again: it is let go of.
            let woken = try await until {
                do { return try await Client.open(asleep, keys: itsKeys) } catch PliError.StoreInUse { return nil }
            }
            try await woken.online()
            woken.close()
            // A waiting call ends at once.
            world.server.kill()
            try await anne.state.value { $0.isOffline }
            let from = ContinuousClock.now
            let waiting = Task { try await anne.sync(within: .seconds(50)) }
            try await Task.sleep(for: .milliseconds(20))
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(ContinuousClock.now - from < .seconds(5))
            try world.server.start()
            // Joining, cancelled at any moment, may be repeated with the same invitation.
            let link = try world.invite("Bảo")
            let place = world.place("Bảo"), keys = world.keys("Bảo")
            for ms in [0, 2, 5, 10, 20, 40] {
                let joining = Task { try await Client.join(place, keys: keys, link: link) }
                try await Task.sleep(for: .milliseconds(ms))
                joining.cancel()
                if case .success(let client) = await joining.result { client.close() }
            }
            let bao: Client = try await until {
                do {
                    return try await Client.join(place, keys: keys, link: link)
                } catch PliError.StoreInUse {
                    return nil
                } catch PliError.AlreadyEnrolled {
                    return try await Client.open(place, keys: keys)
                }
            }
            try await bao.online()
            bao.close()
        }
    }

    @Test func calls_after_close_say_closed() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let alone = try await anne.createGroup("Alone")
            let timeline = alone.timeline(), me = try await anne.me().id
            let streams = [
                Task { for await _ in anne.state {} }, Task { for await _ in anne.conversations {} },
                Task { for await _ in alone.members {} }, Task { for await _ in timeline.items {} },
                Task { for await _ in anne.messages {} }, Task { for await _ in alone.info {} },
                Task { for await _ in anne.notices {} }, Task { for await _ in anne.warnings {} },
                Task { for await _ in anne.devices {} }, Task { for await _ in anne.directory() {} },
                Task { for await _ in anne.personInfo(me) {} },
            ]
            try await Task.sleep(for: .milliseconds(100))
            anne.close()
            try await soon { for stream in streams { await stream.value } }
            await #expect(throws: PliError.Closed) { try await alone.send("too late") }
            #expect(PliError.Closed.advice() == .reopen)
            await #expect(throws: PliError.Closed) { try await anne.me() }
            await #expect(throws: PliError.Closed) { try await timeline.loadOlder() }
            #expect(throws: PliError.Closed) { try anne.resume() }
            for await _ in timeline.items { Issue.record("a stream of a closed client") }
            anne.close()
        }
    }

    @Test func many_threads_call_at_once() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let alone = try await anne.createGroup("Alone")
            let sent = try await withThrowingTaskGroup(of: [ItemId].self) { group in
                for task in 0..<16 {
                    group.addTask {
                        var sent: [ItemId] = []
                        for number in 0..<20 {
                            sent.append(try await alone.send("\(task)/\(number)"))
                            _ = try await anne.people()
                            _ = try await alone.memberList()
                        }
                        return sent
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try await soon { for entry in sent { _ = try await alone.settled(entry) } }
            #expect(try await Set(alone.items(count: 1_000).messages.map(\.id)) == Set(sent) && Set(sent).count == 320)
        }
    }

    @Test func suspending_lets_go_and_resuming_goes_on() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let there = try await anne.pair(with: anne.find("Bảo").id)
            try await there.done(there.send("before"))
            let here = try await bao.named("Anne")
            let shown = Task { try await here.sees("meanwhile") }
            var took: [Duration] = []
            for _ in 0..<5 {
                let from = ContinuousClock.now
                try bao.suspend()
                took.append(ContinuousClock.now - from)
                #expect(openFiles(in: world.place("Bảo")) == [])
                await #expect(throws: PliError.Closed) { try await here.send("asleep") }
                try await bao.state.value { $0 == .suspended }
                try bao.resume()
            }
            #expect(took.sorted()[2] <= .milliseconds(100), "suspending took \(took)")
            #expect(connections(to: world.server.address) > 0)
            try anne.suspend()
            try bao.suspend()
            // Tasks of the transport drop the last sockets; another thread may be in the midst of one.
            let address = world.server.address
            _ = try await until { connections(to: address) == 0 ? true : nil }
            try anne.resume()
            try await there.done(there.send("meanwhile"))
            try bao.resume()
            try bao.resume()
            _ = try await shown.value
            // Plain calls, in call order, from wherever they come.
            for _ in 0..<20 {
                try bao.suspend()
                try bao.resume()
            }
            try await here.done(here.send("awake"))
        }
    }

    @Test func a_wrong_key_is_told() async throws {
        try await World.with { world in
            try await world.enrol("Anne").close()
            try await world.enrol("Bảo").close()
            let place = world.place("Anne")
            await #expect(throws: PliError.KeyUnavailable(why: .wrong)) {
                try await Client.open(place, keys: world.keys("Bảo"))
            }
            #expect(PliError.KeyUnavailable(why: .wrong).advice() == .reEnrol)
            await #expect(throws: PliError.KeyUnavailable(why: .missing)) {
                try await Client.open(place, keys: world.keys("nobody"))
            }
            let file = world.keys("Anne")
            await #expect(throws: PliError.KeyUnavailable(why: .locked)) {
                try await Client.open(place, keys: Own(file, PliError.KeyUnavailable(why: .locked)))
            }
            #expect(PliError.KeyUnavailable(why: .locked).advice() == .retry)
            await #expect(throws: PliError.KeyUnavailable(why: .locked)) {
                try await Client.open(place, keys: Own(file, TookTooLong()))
            }
            let anne = try await Client.open(place, keys: Own(file))
            try await anne.online()
            anne.close()
        }
    }

    @Test func the_server_goes_and_comes_back() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let there = try await anne.pair(with: anne.find("Bảo").id)
            try await there.done(there.send("online"))
            let here = try await bao.named("Anne")
            try await here.sees("online")
            world.server.kill()
            try await anne.state.value { $0.isOffline }
            var offline: [ItemId] = []
            for number in 0..<5 { offline.append(try await there.send("offline \(number)")) }
            #expect(try await there.items().messages.last?.delivery == .waiting)
            #expect(try await !anne.sync(within: .milliseconds(50)).complete)
            try await there.delete(offline[0])
            try world.server.start()
            anne.networkChanged()
            bao.networkChanged()
            for entry in offline.dropFirst() { try await there.done(entry) }
            try await here.sees("offline 4")
            #expect(try await here.items().messages.allSatisfy { $0.text != "offline 0" })
            #expect(try await anne.sync(within: .seconds(30)).complete)
        }
    }

    @Test func a_wake_up_brings_notifications() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let them = try await anne.find("Bảo").id
            let there = try await anne.pair(with: them)
            try await there.done(there.send("first"))
            try await bao.named("Anne").sees("first")
            func wakeUp() async throws -> SyncResult {
                try await Client.wakeUp(world.place("Bảo"), keys: world.keys("Bảo"), within: .seconds(30))
            }
            #expect(try await wakeUp().complete)
            bao.close()
            try await there.done(there.send("wake up", mentions: [them]))
            let result = try await wakeUp()
            #expect(result.complete && result.notifications.count == 1)
            let told = try #require(result.notifications.first)
            #expect(told.sender.name == "Anne" && told.preview == "wake up" && told.mention)
            let again = try await world.open("Bảo")
            try await again.conversation(told.conversation).mute(until: Date(timeIntervalSinceNow: 3_600))
            again.close()
            try await there.done(there.send("not now"))
            let muted = try await wakeUp()
            #expect(muted.received.map(\.text) == ["not now"] && muted.notifications.isEmpty)
        }
    }

    @Test func a_wake_up_fits_an_extension() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let crue = try await anne.createGroup("Crue", with: [anne.find("Bảo").id])
            _ = try await bao.named("Crue")
            bao.close()
            for number in 0..<300 { try await crue.send("La Deûle monte de \(number) cm") }
            #expect(try await anne.sync(within: .seconds(60)).complete)
            // Counts the most memory anew from here on.
            try FileHandle(forWritingTo: URL(fileURLWithPath: "/proc/self/clear_refs")).write(contentsOf: Data("5".utf8))
            let before = try resident()
            let result = try await Client.wakeUp(world.place("Bảo"), keys: world.keys("Bảo"), within: .seconds(60))
            let grown = try most() - before
            #expect(result.complete && result.notifications.count == 300)
            #expect(grown < 15 << 20, "grew by \(grown >> 20) MiB")
        }
    }

    @Test func two_processes_share_a_store() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let alone = try await anne.createGroup("Alone")
            try await alone.done(alone.send("here"))
            let profile = world.place("Anne").path
            #expect(try Server.run(["--profile", profile, "conversations"]).code == 5)
            try anne.suspend()
            #expect(try Server.run(["--profile", profile, "send", "Alone", "from the other"]).code == 0)
            try anne.resume()
            try await alone.sees("from the other")
            try await alone.done(alone.send("and here again"))
        }
    }

    @Test func a_panic_inside_is_an_error() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            do {
                try await anne.raw.fail()
                Issue.record("it did not fail")
            } catch let error as PliError {
                guard case .Internal = error else { throw error }
                #expect(error.advice() == .reopen)
            }
            try await anne.state.value { $0 == .stopped(advice: .reopen) }
            anne.close()
            let again = try await world.open("Anne")
            try await again.createGroup("Alone").send("well again")
        }
    }

    @Test func the_log_names_nobody() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne-Cécile"), bao = try await world.enrol("Barnabé")
            let pair = try await anne.pair(with: anne.find("Barnabé").id)
            try await pair.done(pair.send("xylophone"))
            try await bao.named("Anne-Cécile").sees("xylophone")
            world.server.kill()
            try await anne.state.value { $0.isOffline }
            try? await anne.raw.fail()
            let lines = Client.diagnostics()
            #expect(!lines.isEmpty && lines.count <= 1_000)
            for secret in ["Anne", "Barnab", "xylophone", "127.0.0.1", pair.id.text, world.server.folder.path] {
                #expect(lines.allSatisfy { !$0.contains(secret) }, "\(secret)")
            }
        }
    }

    @Test func ten_thousand_calls_leave_no_memory() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let alone = try await anne.createGroup("Alone")
            try await alone.send("one")
            func rounds(_ count: Int) async throws {
                for _ in 0..<count {
                    _ = try await anne.people("anne")
                    _ = try await alone.items(count: 1)
                    for await _ in alone.timeline().items { break }
                    let cancelled = Task { try await anne.sync(within: .seconds(9)) }
                    cancelled.cancel()
                    _ = await cancelled.result
                }
            }
            try await rounds(500)
            let before = try resident()
            try await rounds(2_500)
            let grown = try resident() - before
            #expect(grown < 24 << 20, "grew by \(grown >> 20) MiB")
        }
    }

    @Test func nothing_is_left_at_the_end() async throws {
        try await World.with { world in
            let before = threads().count
            for number in 0..<5 {
                let anne = try await world.enrol("Anne \(number)")
                try await anne.createGroup("g").send("x")
            }
            #expect(threads().count > before)
            world.clients.forEach { $0.close() }
            try await until { threads().count <= before ? true : nil }
            #expect(openFiles(in: world.server.folder) == [])
            // A client that nobody holds is closed, and lets go of the key store.
            let held = Held()
            held.keys = try await opened(world)
            try await until { held.keys == nil && threads().count <= before && openFiles(in: world.server.folder) == [] ? true : nil }
        }
    }

    /// Opens a device and lets it fall; its key store.
    private func opened(_ world: World) async throws -> Own {
        let keys = Own(world.keys("Anne 0"))
        let anne = try await Client.open(world.place("Anne 0"), keys: keys)
        try await anne.online()
        return keys
    }
}

/// A key store of one's own.
private final class Own: KeyStore {
    private let file: any KeyStore
    private let fault: (any Error)?
    init(_ file: any KeyStore, _ fault: (any Error)? = nil) {
        self.file = file
        self.fault = fault
    }
    func load() throws -> Data? {
        if let fault { throw fault }
        return try file.load()
    }
    func save(secret: Data) throws { try file.save(secret: secret) }
    func erase() throws { try file.erase() }
}

private final class Held: @unchecked Sendable {
    weak var keys: Own?
}

/// How many connections this process has to an address of this machine. Its sockets say: of the table of all of them,
/// Foundation reads the first page alone.
func connections(to address: String) -> Int {
    let port = UInt16(address.split(separator: ":").last!)!
    let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return open.compactMap { Int32($0) }.filter { file in
        var peer = sockaddr_in()
        var size = socklen_t(MemoryLayout.size(ofValue: peer))
        let failed = withUnsafeMutablePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(file, $0, &size) }
        }
        return failed == 0 && peer.sin_family == AF_INET && UInt16(bigEndian: peer.sin_port) == port
    }.count
}

/// The most memory that this process used, in bytes.
func most() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8).split(separator: "\n")
    return Int(status.first { $0.hasPrefix("VmHWM:") }!.filter(\.isNumber))! << 10
}

/// Files in a folder that this process holds open.
func openFiles(in folder: URL) -> [String] {
    let files = FileManager.default
    let open = (try? files.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return open.compactMap { try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
        .filter { $0.hasPrefix(folder.path + "/") }
}

/// Pli's own threads.
func threads() -> [String] {
    let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    return tasks.compactMap { try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8) }
        .filter { $0.hasPrefix("pli") && !$0.hasPrefix("pliPackage") }
}

/// Bytes of memory that this process uses.
func resident() throws -> Int {
    Int(try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1])! * 4_096
}
