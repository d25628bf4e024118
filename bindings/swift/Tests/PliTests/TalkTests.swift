import Foundation
import Testing

@testable import Pli

extension Scenarios {
    @Test func a_person_joins_opens_and_finds_others() async throws {
        try await World.with { world in
            let place = world.place("Anne"), keys = world.keys("Anne")
            await #expect(throws: PliError.NotEnrolled) { try await Client.open(place, keys: keys) }
            #expect(PliError.NotEnrolled.advice() == .reEnrol)
            let link = try world.invite("Anne")
            let anne = try await Client.join(place, keys: keys, link: link)
            try await anne.online()
            #expect(try await anne.me().name == "Anne")
            await #expect(throws: PliError.StoreInUse) { try await Client.open(place, keys: keys) }
            anne.close()
            await #expect(throws: PliError.AlreadyEnrolled) { try await Client.join(place, keys: keys, link: link) }
            await #expect(throws: PliError.InvitationRefused(why: .used)) {
                try await Client.join(world.place("Other"), keys: world.keys("Other"), link: link)
            }
            await #expect(throws: PliError.self) {
                try await Client.join(world.place("X"), keys: world.keys("X"), link: "no link")
            }
            let again = try await world.open("Anne")
            _ = try await world.enrol("Bảo")
            let bao = try await again.find("Bảo")
            #expect(try await again.people("bao") == [bao])
            #expect(try await !again.organisation().isEmpty)
            #expect(try await again.deviceList().map(\.this) == [true])
        }
    }

    @Test func two_people_talk_in_a_pair() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let them = try await anne.find("Bảo").id
            let there = try await anne.pair(with: them)
            let sent = try await there.send("Bonjour !")
            try await there.done(sent)
            let here = try await bao.named("Anne")
            let hello = try await here.sees("Bonjour !")
            #expect(hello.id == sent && hello.sender.name == "Anne")
            try await here.send("Salut 🌊", replyTo: hello.id)
            #expect(try await there.sees("Salut 🌊").replyTo?.entry == sent)
            let number = try await anne.safetyNumber(of: them)
            #expect(try await bao.safetyNumber(of: bao.find("Anne").id) == number && number.count == 60)
            try await anne.verify(them)
            #expect(try await anne.verification(of: them) == .verified)
        }
    }

    @Test func a_lost_phone_is_revoked() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), me = try await anne.me()
            let lost = try await world.enrolDevice(of: me, "lost")
            let listed = try await until { try await anne.deviceList().first { !$0.this && $0.seenOn != nil } }
            try await anne.warnings.value { $0.isEmpty }
            try await anne.revoke(listed.id)
            try await until { try await anne.deviceList().first { $0.id == listed.id && $0.revoked } }
            try await lost.state.value { $0 == .stopped(advice: .reEnrol) }
            lost.close()
            let place = world.place("lost"), keys = world.keys("lost")
            try await Client.forget(place, keys: keys)
            await #expect(throws: PliError.NotEnrolled) { try await Client.open(place, keys: keys) }
            #expect(try await world.enrolDevice(of: me, "lost").me() == me)
        }
    }

    @Test func each_message_is_told_of_once() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let there = try await anne.pair(with: anne.find("Bảo").id)
            try await there.done(there.send("un"))
            let told = try await bao.notices.value { _ in true }
            #expect(told.sender.name == "Anne" && told.preview == "un")
            let here = try await bao.named("Anne")
            #expect(try await here.firstUnread() == told.message)
            try await here.timeline().markRead(upTo: told.message)
            #expect(try await here.firstUnread() == nil)
            try await here.mute(until: Date.now.addingTimeInterval(3600))
            try await there.done(there.send("deux"))
            try await here.sees("deux")
            #expect(try await bao.sync(within: .seconds(30)).notifications.isEmpty)
            try await here.mute(until: nil)
            try await there.done(there.send("trois"))
            try await here.sees("trois")
            #expect(try await bao.sync(within: .seconds(30)).notifications.map(\.preview) == ["trois"])
            #expect(try await bao.sync(within: .seconds(30)).notifications.isEmpty)
            #expect(try await bao.storageUsed() > 4096)
        }
    }

    @Test func a_group_takes_people_in_and_out() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let chloe = try await world.enrol("Chloé")
            let crue = try await anne.createGroup("Crue", with: [anne.find("Bảo").id])
            try await crue.members.value { $0.count == 2 }
            let here = try await bao.named("Crue")
            try await crue.done(crue.send("before"))
            try await here.sees("before")
            try await crue.done(crue.add([anne.find("Chloé").id]))
            let there = try await chloe.named("Crue")
            try await crue.done(crue.send("to three"))
            try await there.sees("to three")
            #expect(try await there.items().messages.allSatisfy { $0.text != "before" })
            #expect(try await crue.memberList().map(\.person.name).sorted() == ["Anne", "Bảo", "Chloé"])
            try await crue.done(crue.remove([anne.find("Bảo").id]))
            try await here.info.value { $0.membership == .removed }
            try await crue.done(crue.send("without Bảo"))
            try await there.sees("without Bảo")
            #expect(try await here.items().messages.allSatisfy { $0.text != "without Bảo" })
            await #expect(throws: PliError.NotAllowed) { try await here.send("still there") }
            #expect(PliError.NotAllowed.advice() == .ask)
            try await there.leave()
            try await crue.members.value { $0.count == 1 }
        }
    }

    @Test func roles_say_who_may() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let them = try await anne.find("Bảo").id
            let crue = try await anne.createGroup("Crue", with: [them])
            let here = try await bao.named("Crue")
            #expect(try await crue.currentInfo().myRole == .owner)
            #expect(try await here.currentInfo().myRole == .member)
            #expect(try await !here.currentInfo().may.contains(.rename))
            await #expect(throws: PliError.NotAllowed) { try await here.rename(to: "Digue") }
            await #expect(throws: PliError.NotAllowed) { try await here.remove([bao.find("Anne").id]) }
            try await crue.done(crue.setLeastRole(for: .post, to: .admin))
            try await here.info.value { !$0.may.contains(.post) }
            await #expect(throws: PliError.NotAllowed) { try await here.send("may I?") }
            try await crue.done(crue.setRole(of: them, to: .admin))
            let info = try await here.info.value { $0.myRole == .admin }
            #expect(info.may.isSuperset(of: [.rename, .post]))
            try await here.done(here.rename(to: "Digue"))
            try await crue.info.value { $0.name == "Digue" }
            await #expect(throws: PliError.Invalid(what: .setting, limit: 0)) {
                try await crue.setLeastRole(for: .remove, to: .member)
            }
        }
    }

    @Test func every_kind_of_content_shows() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne"), bao = try await world.enrol("Bảo")
            let them = try await anne.find("Bảo").id
            let crue = try await anne.createGroup("Crue", with: [them])
            let here = try await bao.named("Crue")
            let before = Date(timeIntervalSinceNow: -60)
            let sent = try await crue.send("Pompe 3 à l'arrêt 🌊", mentions: [them])
            let seen = try await here.sees("Pompe 3 à l'arrêt 🌊")
            #expect(seen.content == .text(body: "Pompe 3 à l'arrêt 🌊", mentions: [them]))
            #expect(seen.sentAt > before && !seen.mine && seen.delivery == nil)
            try await here.info.value { $0.unread == 1 }
            try await here.timeline().markRead(upTo: sent)
            #expect(try await here.currentInfo().unread == 0)
            try await here.react(to: sent, with: "👍")
            let reacted = try await crue.messages { $0.contains { !$0.reactions.isEmpty } }.first { $0.id == sent }
            #expect(reacted?.reactions == [Reaction(emoji: "👍", people: [them])])
            try await here.react(to: sent, with: nil)
            _ = try await crue.messages { $0.contains { $0.id == sent && $0.reactions.isEmpty } }
            try await crue.edit(sent, to: "Pompe 4 à l'arrêt")
            #expect(try await here.sees("Pompe 4 à l'arrêt").editedAt != nil)
            try await here.send("Reçu", replyTo: sent)
            #expect(try await crue.sees("Reçu").replyTo?.entry == sent)
            try await crue.delete(sent)
            let me = try await anne.me().id
            _ = try await here.messages { $0.contains { $0.id == sent && $0.content == .deleted(by: me) } }
            try await crue.done(crue.setTopic("Vidourle"))
            try await crue.done(crue.setLifetime(.seconds(7 * 24 * 60 * 60)))
            try await crue.done(crue.rename(to: "Décrue"))
            let info = try await here.info.value { $0.name == "Décrue" }
            #expect(info.topic == "Vidourle" && info.lifetime == 7 * 24 * 60 * 60)
            let changes = try await here.items().compactMap {
                if case .changed(let change) = $0 { change.what } else { nil }
            }
            #expect(changes.contains(.renamed(name: "Décrue")) && changes.contains(.topicSet(topic: "Vidourle")))
            let late = Date(timeIntervalSince1970: 4_102_444_800)
            try await here.setDraft("à suivre")
            try await here.mute(until: late)
            #expect(try await here.currentInfo().draft == "à suivre")
            #expect(try await here.currentInfo().mutedUntil == late)
            try await here.mute(until: nil)
            #expect(try await here.currentInfo().mutedUntil == nil)
            do {
                try await crue.send("  ")
                Issue.record("an empty text was sent")
            } catch let error as PliError {
                guard case .Invalid(.text, _) = error else { throw error }
                #expect(error.advice() == .ask)
            }
            await #expect(throws: PliError.NotFound(what: .message)) {
                try await crue.react(to: ItemId(String(repeating: "00", count: 16)), with: "👍")
            }
        }
    }
}
