import Foundation
import Pli
import PliServer
import Testing

@testable import PliScreens

extension Scenarios {
    @Test func an_admin_removes_a_member_and_both_see_it() async throws {
        try await World.with { world in
            let (anne, bao, crue, here) = try await world.talk("Bonjour", in: "Crue")
            let group = anne.details(crue.id)
            let theirs = bao.details(crue.id)
            try await so { theirs.state.members?.count == 2 }
            let row = try await until { group.row("Bảo") }
            #expect(row.actions == [.makeOwner, .makeAdmin, .remove])
            #expect(theirs.row("Anne")?.actions == [])
            group.remove(row.id)
            try await so { group.state.members?.map(\.avatar.name) == ["Anne"] }
            try await so { here.state.composer == nil }
            #expect(here.state.notice == Sentence("conversation.removed"))
            // Each is told as “you” what they did, and what was done to them.
            try await so { crue.changes.contains(Sentence("change.you_removed", .list([.text("Bảo")]))) }
            try await so { here.changes.contains(Sentence("change.removed_you", .text("Anne"))) }
            #expect(crue.changes.contains(Sentence("change.you_added", .list([.text("Bảo")]))))
            // What was said before stays.
            #expect(here.texts == ["Bonjour"])
            try await so { !theirs.state.mayLeave }
        }
    }

    @Test func roles_say_what_one_may_do() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let bao = try await world.enrol("Bảo")
            _ = try await world.enrol("Chloé")
            let crue = try await anne.group("Crue", with: "Bảo")
            let group = anne.details(crue.id)
            let here = try await bao.conversation("Crue")
            let theirs = bao.details(crue.id)
            try await so { theirs.state.members?.count == 2 && theirs.state.mayLeave }
            #expect(!theirs.state.maySet && !theirs.state.mayAdd && !theirs.state.mayRename)
            group.setRole(of: try await until { group.row("Bảo") }.id, to: .admin)
            try await so { theirs.state.maySet && theirs.state.mayAdd && theirs.state.mayRename }
            try await so { theirs.row("Bảo")?.role == .admin }
            try await so { crue.changes.contains(Sentence("change.you_role_admin", .list([.text("Bảo")]))) }
            try await so { here.changes.contains(Sentence("change.role_admin_you", .text("Anne"))) }
            // An admin adds people, and an owner is out of reach.
            let adding = NewConversationPresenter(bao.client, group: crue.id)
            bao.show(adding.run)
            let chloe = try await until { adding.state.people?.first }
            #expect(adding.state.people?.map(\.avatar.name) == ["Chloé"])
            adding.choose(chloe.id)
            adding.start()
            try await so { adding.state.isDone }
            try await so { group.state.members?.count == 3 }
            try await so { theirs.row("Chloé")?.actions == [.makeAdmin, .remove] && theirs.row("Anne")?.actions == [] }
            theirs.rename("Décrue")
            theirs.topic("Vidourle")
            theirs.setLifetime(30)
            try await so { group.state.avatar.name == "Décrue" && group.state.topic == "Vidourle" }
            try await so { group.state.lifetime == 30 }
            try await so { here.changes.contains(Sentence("change.you_renamed", .text("Décrue"))) }
            try await so { here.changes.contains(Sentence("change.you_added", .list([.text("Chloé")]))) }
            try await so { crue.changes.contains(Sentence("change.topic", .text("Bảo"), .text("Vidourle"))) }
            // Of others it is said by their names.
            try await so { crue.changes.contains(Sentence("change.added", .text("Bảo"), .list([.text("Chloé")]))) }
            try await so { group.state.queued == nil }
            group.rename("")
            try await so { group.state.problem == Sentence("problem.invalid_name") }
            group.told()
            #expect(group.state.problem == nil)
        }
    }

    @Test func announcements_are_for_admins_alone() async throws {
        try await World.with { world in
            let (anne, _, crue, here) = try await world.talk("Bonjour", in: "Crue")
            here.draftChanged("pas encore dit")
            let group = anne.details(crue.id)
            try await so { group.state.maySet }
            group.setLeastRole(for: .post, to: .admin)
            try await so { here.state.composer == nil }
            #expect(here.state.notice == Sentence("conversation.announcements"))
            try await so { here.bubbles.first?.actions == [.copy] }
            try await crue.say("Réunion à 9 h")
            try await here.sees("Réunion à 9 h")
            group.setLeastRole(for: .post, to: .guest)
            try await so { here.state.composer?.text == "pas encore dit" && here.state.notice == nil }
        }
    }

    @Test func the_last_owner_is_told_before_leaving() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let bao = try await world.enrol("Bảo")
            let crue = try await anne.group("Crue", with: "Bảo")
            let group = anne.details(crue.id)
            let row = try await until { group.row("Bảo") }
            try await so { group.state.lastOwner == Sentence("group.last_owner") }
            group.leave()
            #expect(group.state.problem == Sentence("group.last_owner") && !group.state.hasLeft)
            group.setRole(of: row.id, to: .owner)
            try await so { group.state.lastOwner == nil }
            group.leave()
            try await so { group.state.hasLeft }
            try await so { crue.state.composer == nil && crue.state.notice == Sentence("conversation.left") }
            _ = try await bao.conversation("Crue")
            let theirs = bao.details(crue.id)
            try await so { theirs.state.members?.map(\.avatar.name) == ["Bảo"] }
        }
    }

    @Test func a_guest_is_announced() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            _ = try await world.enrol("Bảo")
            let guest = world.phone("Gaël")
            await guest.session.start()
            try await guest.session.join(world.server.invite("--name", "Gaël", "--guest-until", "2099-03-31"))
            try await guest.online()
            let crue = try await anne.group("Crue", with: "Bảo")
            try await so { crue.state.title.detail == Sentence("conversation.members", count: 2) }
            #expect(crue.state.guests == nil)
            let adding = NewConversationPresenter(anne.client, group: crue.id)
            anne.show(adding.run)
            let row = try await until { adding.state.people?.first { $0.avatar.name == "Gaël" } }
            #expect(row.isGuest)
            adding.choose(row.id)
            adding.start()
            try await so { crue.state.guests == Sentence("conversation.guests", count: 1) }
            let group = anne.details(crue.id)
            try await so { group.row("Gaël")?.isGuest == true }
        }
    }
}

extension Phone {
    func group(_ name: String, with people: String...) async throws -> ConversationPresenter {
        var ids: [PersonId] = []
        for person in people {
            ids.append(try await until { [client] in try await client.people(person).first?.id })
        }
        return open(try await client.createGroup(name, with: ids).id)
    }

    func details(_ id: ConversationId) -> GroupPresenter {
        let group = GroupPresenter(client, id)
        show(group.run)
        return group
    }
}

extension GroupPresenter {
    func row(_ name: String) -> MemberRow? { state.members?.first { $0.avatar.name == name } }
}

extension ConversationPresenter {
    var changes: [Sentence] {
        (state.lines ?? []).compactMap { if case .change(let change) = $0 { change.sentence } else { nil } }
    }
}
