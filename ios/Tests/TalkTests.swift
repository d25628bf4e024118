import Foundation
import Pli
import PliServer
import Testing

@testable import PliScreens

extension Scenarios {
    @Test func two_people_talk() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let new = NewConversationPresenter(anne.client)
            anne.show(new.run)
            try await so { new.state.people == [] }
            new.queryChanged("bao")
            try await so { new.state.empty == Sentence("new.no_result") }
            // Whoever comes to the organisation comes to the list.
            let bao = try await world.enrol("Bảo")
            try await so { new.state.people?.map(\.avatar.name) == ["Bảo"] }
            let there = try await anne.begin(with: "Bảo")
            try await there.say("Bonjour Bảo")
            #expect(there.state.composer?.text == "")
            let here = try await bao.conversation("Anne")
            let hello = try await here.sees("Bonjour Bảo")
            #expect(!hello.mine && hello.tick == nil && hello.author.name == "Anne")
            try await so { there.bubbles.first?.tick == .sent }
            try await here.say("Salut Anne 🌊")
            let answer = try await there.sees("Salut Anne 🌊")
            #expect(!answer.mine && !answer.showsAuthor)
            let list = anne.list()
            let row = try await until { list.state.rows?.first }
            #expect(row.avatar.name == "Bảo" && row.line == .text("Salut Anne 🌊"))
            // Each phone has a store of its own.
            try await anne.restart()
            let again = try await anne.conversation("Bảo")
            try await so { again.texts == ["Bonjour Bảo", "Salut Anne 🌊"] }
        }
    }

    @Test func a_group_is_made() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let bao = try await world.enrol("Bảo")
            let chloe = try await world.enrol("Chloé")
            let new = NewConversationPresenter(anne.client)
            anne.show(new.run)
            try await so { new.state.people?.count == 2 }
            for person in new.state.people! { new.choose(person.id) }
            #expect(new.state.needsName && !new.state.canStart)
            #expect(new.state.action == Sentence("new.make", count: 2))
            new.nameChanged("Crue")
            new.start()
            let crue = anne.open(try await until { new.state.opened })
            try await crue.say("Réunion à 9 h")
            for phone in [bao, chloe] {
                let here = try await phone.conversation("Crue")
                #expect(try await here.sees("Réunion à 9 h").showsAuthor)
                try await so { here.state.title.detail == Sentence("conversation.members", count: 3) }
            }
        }
    }

    @Test func a_reply_shows_what_it_answers() async throws {
        try await World.with { world in
            let (_, bao, there, here) = try await world.talk("Pompe 3 à l’arrêt ?")
            let question = try await here.sees("Pompe 3 à l’arrêt ?")
            here.reply(to: question.id)
            #expect(here.state.composer?.mode == .reply(to: QuoteLine(question)))
            // Given up, and taken up again.
            here.cancel()
            #expect(here.state.composer?.mode == .new)
            here.reply(to: question.id)
            try await here.say("Oui, depuis 8 h")
            #expect(here.state.composer?.mode == .new)
            let answer = try await there.sees("Oui, depuis 8 h")
            #expect(answer.quote?.author == "Anne" && answer.quote?.text == .text("Pompe 3 à l’arrêt ?"))
            there.jump(to: answer.quote!.entry)
            try await so { there.state.target?.line == .entry(question.id) }
            // Also to what is not on the screen.
            for number in 0..<80 { try await bao.client.conversation(here.id).send("\(number)") }
            try await there.sees("79")
            let before = there.state.target!.number
            there.jump(to: question.id)
            try await so { there.state.target!.number > before && there.bubbles.contains { $0.id == question.id } }
            #expect(there.state.target?.line == .entry(question.id))
            there.jump(to: nil)
            try await so { there.texts.last == "79" && there.state.target?.line == there.state.lines?.last?.id }
        }
    }

    @Test func a_message_is_edited_and_deleted() async throws {
        try await World.with { world in
            let (anne, bao, there, here) = try await world.talk("à 9 h")
            let seen = try await here.sees("à 9 h")
            #expect(!seen.actions.contains(.edit) && !seen.actions.contains(.delete))
            try await so { there.bubbles.first?.actions.contains(.edit) == true }
            there.draftChanged("un brouillon")
            there.edit(seen.id)
            #expect(there.state.composer?.text == "à 9 h" && there.state.composer?.mode == .edit(seen.id))
            there.draftChanged("à 10 h")
            there.send()
            // What was being written before is there again.
            #expect(there.state.composer == Composer(text: "un brouillon"))
            for screen in [there, here] {
                let edited = try await screen.sees("à 10 h")
                #expect(edited.edited && edited.id == seen.id)
            }
            there.delete(seen.id)
            for screen in [there, here] {
                try await so { screen.bubbles.first?.kind == .gone }
                #expect(screen.bubbles.first?.text == .sentence(Sentence("conversation.deleted")))
                #expect(screen.bubbles.first?.actions == [])
            }
            // Whoever runs a group deletes what others said, and it is said who did.
            let crue = try await anne.group("Crue", with: "Bảo")
            let theirs = try await bao.conversation("Crue")
            try await theirs.say("de trop")
            crue.delete(try await crue.sees("de trop").id)
            try await so { crue.bubbles.first?.text == .sentence(Sentence("conversation.deleted_by_you")) }
            try await so { theirs.bubbles.first?.text == .sentence(Sentence("conversation.deleted_by", .text("Anne"))) }
        }
    }

    @Test func a_reaction_is_given_and_taken_back() async throws {
        try await World.with { world in
            let (_, _, there, here) = try await world.talk("Merci")
            let thanks = try await here.sees("Merci")
            here.react(to: thanks.id, with: "👍")
            try await so { here.bubbles.first?.reactions == [ReactionChip(emoji: "👍", count: 1, mine: true)] }
            try await so { there.bubbles.first?.reactions == [ReactionChip(emoji: "👍", count: 1, mine: false)] }
            there.react(to: thanks.id, with: "👍")
            try await so { here.bubbles.first?.reactions.first?.count == 2 }
            here.react(to: thanks.id, with: "👍")
            try await so { here.bubbles.first?.reactions == [ReactionChip(emoji: "👍", count: 1, mine: false)] }
            try await so { there.bubbles.first?.reactions == [ReactionChip(emoji: "👍", count: 1, mine: true)] }
        }
    }

    @Test func a_draft_is_kept() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            _ = try await world.enrol("Bảo")
            let there = try await anne.begin(with: "Bảo")
            try await there.say("Bonjour")
            for letters in ["à", "à su", "à suivre"] { there.draftChanged(letters) }
            let list = anne.list()
            let kept = Sentence("conversations.draft", .text("à suivre"))
            try await so { list.state.rows?.first?.line == .sentence(kept) }
            try await anne.restart()
            let again = try await anne.conversation("Bảo")
            try await so { again.state.composer?.text == "à suivre" }
            let after = anne.list()
            try await so { after.state.rows?.first?.isDraft == true }
            again.send()
            try await again.sees("à suivre")
            try await so { after.state.rows?.first?.isDraft == false }
        }
    }

    @Test func too_long_a_text_is_told_and_kept() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            _ = try await world.enrol("Bảo")
            let there = try await anne.begin(with: "Bảo")
            try await so { there.state.composer != nil }
            let long = String(repeating: "très ", count: 20_000) + "long"
            there.draftChanged(long)
            try await so { there.state.composer?.isTooLong == true }
            #expect(there.state.composer?.canSend == false)
            there.send()
            #expect(there.state.composer?.text == long && there.bubbles.isEmpty)
            // From now on at every letter, and while editing too.
            there.draftChanged("court")
            #expect(there.state.composer?.isTooLong == false)
            there.send()
            let short = try await there.sees("court")
            try await so { there.bubbles.first?.actions.contains(.edit) == true }
            there.edit(short.id)
            there.draftChanged(long)
            #expect(there.state.composer?.isTooLong == true)
            there.cancel()
            #expect(there.state.composer == Composer())
        }
    }

    @Test func unread_messages_are_counted_and_marked() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let bao = try await world.enrol("Bảo")
            let there = try await anne.begin(with: "Bảo")
            for text in ["un", "deux"] { try await there.say(text) }
            let list = bao.list()
            try await so { list.state.rows?.first?.unread == 2 }
            let here = try await bao.conversation("Anne")
            let last = try await here.sees("deux")
            let place = try #require(here.state.lines?.firstIndex(of: .unread))
            #expect(here.state.lines![place + 1].id == .entry(here.bubbles[0].id))
            try await so { here.state.target?.line == .unread }
            here.seen(last.id)
            try await so { list.state.rows?.first?.unread == 0 }
            // While somebody reads further up, what comes is counted.
            here.seen(here.bubbles[0].id)
            try await there.say("trois")
            try await so { here.state.newest == .messages(1) }
            here.seen(try await here.sees("trois").id)
            #expect(here.state.newest == nil)
            try await so { list.state.rows?.first?.unread == 0 }
            bao.leave()
            let again = try await bao.conversation("Anne")
            try await again.sees("trois")
            #expect(again.state.lines?.contains(.unread) == false)
        }
    }

    @Test func a_long_conversation_is_read_to_its_beginning() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let alone = try await anne.client.createGroup("Journal")
            let all = (0..<1_100).map { "ligne \($0)" }
            for text in all { try await alone.send(text) }
            #expect(try await anne.client.sync(within: patience).complete)
            let screen = anne.open(alone.id)
            try await screen.sees("ligne 1099")
            // Page by page; what is on the screen is always a piece of the whole, in order and none twice.
            var read: Set<String> = []
            while read.count < all.count {
                let texts = screen.texts
                let place = try #require(all.firstIndex(of: texts[0]))
                #expect(texts == Array(all[place..<place + texts.count]))
                read.formUnion(texts)
                if read.count == all.count { break }
                screen.older()
                try await so { screen.texts.first != texts.first }
            }
            screen.jump(to: nil)
            try await screen.sees("ligne 1099")
        }
    }
}
