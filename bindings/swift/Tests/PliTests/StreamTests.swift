import Foundation
import PliServer
import Testing

@testable import Pli

/// What a stream gave last.
actor Latest<Value: Sendable> {
    private(set) var value: Value?
    private(set) var count = 0
    func set(_ value: Value) {
        self.value = value
        count += 1
    }
}

extension Scenarios {
    @Test func diffs_give_what_a_fresh_read_gives() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let crue = try await anne.createGroup("Crue", with: [anne.find("Bảo").id])
            let here = try await bao.named("Crue")
            let timeline = here.timeline()
            let shown = Latest<[TimelineItem]>(), listed = Latest<[ConversationInfo]>()
            let items = Task { for await value in timeline.items { await shown.set(value) } }
            let list = Task { for await value in bao.conversations { await listed.set(value) } }
            for number in 0..<200 {
                let sent = try await crue.send("message \(number)")
                switch number % 5 {
                case 0: try await crue.react(to: sent, with: "👍")
                case 1: try await crue.edit(sent, to: "edited \(number)")
                case 2: try await crue.delete(sent)
                case 3: try await here.send("answer \(number)")
                default: break
                }
            }
            try await crue.done(crue.send("the last"))
            try await until { await shown.value?.messages.contains { $0.text == "the last" } == true ? true : nil }
            try await here.done(here.send("after it"))
            try await until { await shown.value == (try await here.items(count: 50)) ? true : nil }
            #expect(try await timeline.loadOlder(950))
            try await until { await shown.value == (try await here.items(count: 1_000)) ? true : nil }
            try await until { await listed.value == (try await bao.conversationList()) ? true : nil }
            #expect(await shown.value!.count > 150)
            items.cancel()
            list.cancel()
        }
    }

    @Test func a_timeline_grows_both_ways() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let alone = try await anne.createGroup("Alone")
            var ids: [ItemId] = []
            for number in 0..<120 { ids.append(try await alone.send("\(number)")) }
            let sent = ids
            try await alone.done(sent[119])
            let newest = alone.timeline()
            #expect(try await newest.items.value { $0.count >= 50 }.count == 50)
            #expect(try await newest.loadOlder(30))
            #expect(try await newest.items.value { $0.count != 50 }.count == 80)
            #expect(try await newest.loadOlder(1_000))
            #expect(try await newest.items.value { $0.count >= 120 }.messages.map(\.id) == sent)
            #expect(try await !newest.loadOlder())
            let middle = alone.timeline(around: sent[60])
            let around = try await middle.items.value { !$0.isEmpty }.map(\.id)
            #expect(around.contains(sent[60]) && !around.contains(sent[119]) && around.count == 50)
            #expect(try await middle.loadNewer(10))
            #expect(try await middle.items.value { $0.count == 60 }.last?.id == sent[95])
            #expect(try await !middle.loadNewer(1_000))
            try await middle.items.value { $0.last?.id == sent[119] }
            let next = try await alone.send("followed")
            try await middle.items.value { $0.last?.id == next }
        }
    }

    @Test func devices_and_people_are_followed() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let list = Latest<[DeviceInfo]>(), found = Latest<[Person]>(), seen = Latest<PersonInfo>()
            let looking = Task { for await people in anne.directory("ba") { await found.set(people) } }
            let bao = try await world.enrol("Bảo"), me = try await bao.me()
            try await until { await found.value == [me] ? true : nil }
            let pair = try await anne.pair(with: me.id)
            try await pair.done(pair.send("un"))
            try await bao.named("Anne").sees("un")
            let person = Task { for await info in anne.personInfo(me.id) { await seen.set(info) } }
            try await anne.verify(me.id)
            let verified = try await until { await seen.value.flatMap { $0.verification == .verified ? $0 : nil } }
            #expect(verified.person == me && !verified.me && verified.deviceCount == 1)
            #expect(try await verified.safetyNumber == anne.safetyNumber(of: me.id))
            let devices = Task { for await value in bao.devices { await list.set(value) } }
            _ = try await world.enrolDevice(of: me, "Bảo 2")
            let second = try await until { await list.value?.first { !$0.this && $0.missingFrom == 1 } }
            try await until { await seen.value.flatMap { $0.verification == .changed && $0.deviceCount == 2 ? true : nil } }
            try await bao.approve(second.id, number: second.number)
            try await until { await list.value?.contains { $0.id == second.id && $0.missingFrom == 0 } == true ? true : nil }
            try await bao.revoke(second.id)
            try await until { await list.value?.contains { $0.id == second.id && $0.revoked } == true ? true : nil }
            try await until { await seen.value?.verification == .verified ? true : nil }
            try await until { await list.value == (try await bao.deviceList()) ? true : nil }
            // They end with their client.
            anne.close()
            bao.close()
            for task in [looking, person, devices] { try await soon { await task.value } }
        }
    }

    @Test func a_slow_reader_gets_what_is() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let alone = try await anne.createGroup("Alone")
            var reader = alone.timeline().items.makeAsyncIterator()
            _ = await reader.next()
            for number in 0..<400 { try await alone.send("\(number)") }
            var batches = 0
            while let items = await reader.next() {
                batches += 1
                if items.messages.last?.text == "399" { break }
            }
            #expect(batches < 40)
        }
    }

    @Test func messages_start_where_the_last_run_stopped() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let pair = try await anne.pair(with: anne.find("Bảo").id)
            for number in 0..<4 { try await pair.send("\(number)") }
            @Sendable func next(_ client: Client, _ count: Int) async throws -> [String?] {
                try await soon {
                    var reader = client.messages.makeAsyncIterator()
                    var got: [String?] = []
                    while got.count < count { got.append(await reader.next()?.text) }
                    return got
                }
            }
            #expect(try await next(bao, 2) == ["0", "1"])
            // The second was given, but the next never asked for.
            #expect(try await next(bao, 2) == ["1", "2"])
            bao.close()
            #expect(try await next(world.open("Bảo"), 2) == ["2", "3"])
        }
    }
}
