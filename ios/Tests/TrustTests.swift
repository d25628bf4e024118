import Foundation
import Pli
import PliServer
import Testing

@testable import PliScreens

extension Scenarios {
    @Test func a_safety_number_is_compared() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let bao = try await world.enrol("Bảo")
            let one = try await anne.person("Bảo")
            let other = try await bao.person("Anne")
            try await so { one.state.safetyNumber?.count == 12 && one.state.verification == .notVerified }
            try await so { other.state.safetyNumber == one.state.safetyNumber }
            one.scanned("00000")
            try await so { one.state.problem == Sentence("person.differs", .text("Bảo")) }
            #expect(one.state.verification == .notVerified)
            one.told()
            one.scanned(other.state.safetyNumber!.joined())
            try await so { one.state.verification == .verified }
            #expect(one.state.problem == nil && other.state.verification == .notVerified)
            other.verify()
            try await so { other.state.verification == .verified }
            // A further phone of Bảo's changes the number, until it is out.
            _ = try await world.further("Bảo", of: bao)
            try await so { one.state.verification == .changed && one.state.devices == Sentence("person.devices", count: 2) }
            try await so { other.state.verification == .changed && other.state.safetyNumber == one.state.safetyNumber }
            let devices = bao.devices()
            devices.revoke(try await until { devices.state.devices?.first { !$0.this } }.id)
            try await so { one.state.verification == .verified && one.state.devices == Sentence("person.devices", count: 1) }
            one.write()
            try await so { one.state.opened != nil }
        }
    }

    @Test func a_new_device_is_approved() async throws {
        try await World.with { world in
            let (_, bao, there, here) = try await world.talk("avant")
            let second = try await world.further("Bảo", of: bao)
            let devices = bao.devices()
            let theirs = second.devices()
            let row = try await until { devices.state.devices?.first { $0.mayApprove } }
            #expect(row.missing == Sentence("devices.missing", count: 1) && !row.this)
            // Both show the same number.
            let first = try await until { theirs.state.devices?.first { !$0.this } }
            #expect(first.number == row.number && !row.number.isEmpty)
            devices.approve(row.id)
            try await so { devices.state.devices?.allSatisfy { $0.missing == nil } == true }
            let new = try await second.conversation("Anne")
            try await there.say("après")
            try await new.sees("après")
            try await new.say("d’ici aussi")
            try await there.sees("d’ici aussi")
            try await here.sees("d’ici aussi")
        }
    }

    @Test func a_lost_device_is_revoked() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let bao = try await world.enrol("Bảo")
            let there = try await anne.begin(with: "Bảo")
            try await there.say("avant")
            let lost = try await world.further("Bảo", of: bao)
            try await bao.approve(lost)
            let before = try await lost.conversation("Anne")
            try await so { before.state.composer != nil }
            let list = lost.list()
            let devices = bao.devices()
            try await so { list.state.rows?.count == 1 }
            let row = try await until { devices.state.devices?.first { !$0.this } }
            devices.revoke(row.id)
            #expect(devices.state.devices?.first { $0.id == row.id }?.isRevoking == true)
            try await so { devices.state.devices?.first { $0.id == row.id }?.revoked == true }
            try await so { list.state.banner?.sentence == Sentence("conversations.revoked") }
            #expect(list.state.banner?.action == .joinAgain && list.state.rows?.count == 1)
            // A new invitation makes a device in place of the one that is out.
            try await lost.session.join(world.server.invite("--device-of", bao.me()))
            try await lost.online()
            let fresh = lost.list()
            try await so { fresh.state.rows == [] && fresh.state.banner == nil }
            #expect(!FileManager.default.fileExists(atPath: world.place("Bảo bis/device-1").path))
        }
    }

    @Test func a_muted_conversation_is_silent() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let bao = try await world.enrol("Bảo")
            let there = try await anne.begin(with: "Bảo")
            try await there.say("un")
            let list = bao.list()
            let row = try await until { list.state.rows?.first }
            try await so { bao.notices.count == 1 }
            #expect(!row.isMuted)
            list.mute(row.id)
            try await so { list.state.rows?.first?.isMuted == true }
            try await there.say("deux")
            try await so { list.state.rows?.first?.unread == 2 }
            list.unmute(row.id)
            try await so { list.state.rows?.first?.isMuted == false }
            try await there.say("trois")
            try await so { list.state.rows?.first?.unread == 3 && bao.notices.count >= 2 }
            #expect(bao.notices.count == 2)
        }
    }

    @Test func a_notification_hides_what_was_said() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let bao = try await world.enrol("Bảo")
            let there = try await anne.begin(with: "Bảo")
            try await there.say("secret")
            try await so { bao.notices.count == 1 }
            #expect(bao.notices[0].title == .sentence(Sentence("notification.new_message")) && bao.notices[0].body == nil)
            let settings = SettingsPresenter(bao.session, version: "1.0")
            settings.notifications(true, content: true)
            try await there.say("public")
            try await so { bao.notices.count == 2 }
            #expect(bao.notices[1].title == .text("Anne") && bao.notices[1].body == "public")
            // Of what is on the screen nobody has to be told.
            let here = try await bao.conversation("Anne")
            bao.session.showing = here.id
            try await there.say("vu")
            try await here.sees("vu")
            bao.session.showing = nil
            settings.notifications(false, content: true)
            try await there.say("sans bruit")
            try await here.sees("sans bruit")
            settings.notifications(true, content: false)
            try await there.say("fin")
            try await so { bao.notices.count == 3 }
            #expect(bao.notices[2].body == nil)
        }
    }
}

extension World {
    /// A further phone of somebody's, joined.
    func further(_ name: String, of phone: Phone) async throws -> Phone {
        let further = self.phone(name + " bis")
        await further.session.start()
        try await further.session.join(server.invite("--device-of", phone.me()))
        try await further.online()
        return further
    }
}

extension Phone {
    func me() async throws -> String { try await client.me().id.text }

    func devices() -> DevicesPresenter {
        let devices = DevicesPresenter(client)
        show(devices.run)
        return devices
    }

    func person(_ name: String) async throws -> PersonPresenter {
        let id = try await until { [client] in try await client.people(name).first?.id }
        let person = PersonPresenter(client, id)
        show(person.run)
        return person
    }

    /// Lets another phone into the conversations, once it is known.
    func approve(_ other: Phone) async throws {
        let devices = devices()
        devices.approve(try await until { devices.state.devices?.first { $0.mayApprove } }.id)
        try await so { devices.state.devices?.allSatisfy { $0.missing == nil } == true }
    }
}
