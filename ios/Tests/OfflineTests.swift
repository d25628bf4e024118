import Foundation
import Pli
import PliServer
import Testing

@testable import PliScreens

extension Scenarios {
    @Test func what_is_said_offline_is_queued_and_goes() async throws {
        try await World.with { world in
            let (anne, bao, there, here) = try await world.talk("avant")
            world.server.kill()
            try await so { there.state.connection == .unreachable }
            let texts = (0..<5).map { "hors ligne \($0)" }
            for text in texts { try await there.say(text) }
            try await so { there.bubbles.suffix(5).map(\.tick) == Array(repeating: .waiting, count: 5) }
            #expect(there.texts.suffix(5) == texts[...])
            #expect(there.bubbles.last?.actions == [.copy, .takeBack])
            // One is taken back before it went.
            there.delete(there.bubbles.last!.id)
            try await so { there.texts.count == 5 }
            try world.server.start()
            anne.client.networkChanged()
            bao.client.networkChanged()
            try await here.sees("hors ligne 3")
            #expect(here.texts == ["avant"] + texts.dropLast())
            try await so { there.bubbles.allSatisfy { $0.tick == .sent } }
        }
    }

    @Test func the_server_goes_and_comes_back() async throws {
        try await World.with { world in
            let (anne, bao, there, here) = try await world.talk("un")
            let list = anne.list()
            try await so { list.state.rows?.count == 1 && list.state.banner == nil }
            world.server.kill()
            try await so { list.state.banner == .unreachable && there.state.connection == .unreachable }
            // What there is is still there, also after a new start.
            try await anne.restart()
            let again = anne.list()
            try await so { again.state.rows?.count == 1 && again.state.banner == .unreachable }
            let new = NewConversationPresenter(anne.client)
            anne.show(new.run)
            try await so { new.state.notice == Sentence("new.unreachable") && new.state.people?.count == 1 }
            try world.server.start()
            anne.client.networkChanged()
            bao.client.networkChanged()
            try await so { again.state.banner == nil && new.state.notice == nil }
            let back = anne.open(there.id)
            try await back.say("deux")
            try await here.sees("deux")
            try await here.say("trois")
            try await back.sees("trois")
        }
    }

    @Test func a_refused_message_is_told_and_taken_back() async throws {
        try await World.with { world in
            let (anne, bao, crue, here) = try await world.talk("Bonjour", in: "Crue")
            // Removed while away, and not knowing it yet: the server is gone when the phone comes back.
            await bao.session.suspend()
            let group = anne.details(crue.id)
            group.remove(try await until { group.row("Bảo") }.id)
            try await so { group.state.members?.count == 1 && group.state.queued == nil }
            world.server.kill()
            await bao.session.resume()
            try await here.say("toujours là")
            try await so { here.bubbles.last?.tick == .waiting }
            try world.server.start()
            bao.client.networkChanged()
            let refused = Tick.refused(Sentence("conversation.refused_not_a_member"))
            try await so { here.bubbles.last?.tick == refused }
            let bubble = here.bubbles.last!
            #expect(bubble.actions == [.retry, .takeBack, .copy])
            here.retry(bubble.id)
            try await so { here.bubbles.last?.tick == refused }
            here.delete(bubble.id)
            try await so { here.texts == ["Bonjour"] }
            #expect(here.state.composer == nil)
        }
    }
}
