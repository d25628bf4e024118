import Foundation
import Pli
import PliServer
import Testing

@testable import PliScreens

extension Scenarios {
    @Test func a_link_lets_a_person_in() async throws {
        try await World.with { world in
            let phone = world.phone("Anne")
            #expect(phone.session.stage == .opening)
            await phone.session.start()
            #expect(phone.session.stage == .welcome(nil))
            let welcome = WelcomePresenter(phone.session)
            #expect(!welcome.state.canJoin)
            // As it comes out of a letter.
            welcome.linkChanged("  \(try world.invite("Anne"))\n")
            welcome.join()
            #expect(welcome.state.isJoining)
            try await so { phone.session.client != nil }
            let list = phone.list()
            try await so { list.state.rows == [] && !list.state.organisation.isEmpty }
            try await phone.restart()
            #expect(phone.session.client != nil)
        }
    }

    @Test func a_link_that_does_not_serve_is_told() async throws {
        try await World.with { world in
            try await World.with { other in
                let anne = try world.invite("Anne")
                let first = world.phone("first")
                await first.session.start()
                try await first.session.join(anne)
                let elsewhere = try other.server.invite("--name", "Anne", "--advertise", world.server.address)
                let phone = world.phone("Anne")
                await phone.session.start()
                let welcome = WelcomePresenter(phone.session)
                @MainActor func tells(_ key: String, of link: String, _ place: SourceLocation = #_sourceLocation) async throws {
                    welcome.linkChanged(link)
                    let before = welcome.state.problem
                    #expect(before == nil, sourceLocation: place)
                    welcome.join()
                    try await so(place) { !welcome.state.isJoining }
                    let (state, stage) = (welcome.state, phone.session.stage)
                    #expect(state.problem == Sentence(key), sourceLocation: place)
                    #expect(state.link == link && stage == .welcome(nil), sourceLocation: place)
                }
                try await tells("welcome.bad_link", of: "https://example.org")
                try await tells("welcome.used", of: anne)
                try await tells("welcome.wrong_organisation", of: elsewhere)
                let good = try world.invite("Anne")
                world.server.kill()
                try await tells("welcome.no_network", of: good)
                // The link is still there, and serves once there is a network.
                try world.server.start()
                welcome.join()
                try await so { phone.session.client != nil }
            }
        }
    }

    @Test func an_expired_invitation_is_told() async throws {
        try await World.with { world in
            let phone = world.phone("Anne")
            await phone.session.start()
            let welcome = WelcomePresenter(phone.session)
            let link = try world.server.invite("--name", "Anne", "--valid-for", "1")
            try world.expire()
            welcome.linkChanged(link)
            welcome.join()
            try await so { welcome.state.problem == Sentence("welcome.expired") && !welcome.state.isJoining }
            #expect(welcome.state.link == link && phone.session.stage == .welcome(nil))
            // The way on: a new one in its place.
            welcome.linkChanged(try world.invite("Anne"))
            #expect(welcome.state.problem == nil)
            welcome.join()
            try await so { phone.session.client != nil }
        }
    }

    @Test func settings_are_kept() async throws {
        try await World.with { world in
            let anne = try await world.enrol("Anne")
            let settings = SettingsPresenter(anne.session, version: "1.0")
            #expect(settings.state.settings == Settings())
            settings.appearance(.dark)
            settings.language("fr")
            settings.notifications(true, content: true)
            #expect(settings.state.settings.appearance == .dark)
            await settings.run()
            #expect(settings.state.storage ?? 0 > 0 && settings.state.me?.name == "Anne")
            await anne.session.suspend()
            try await anne.restart()
            let again = SettingsPresenter(anne.session, version: "1.0")
            #expect(again.state.settings == settings.state.settings)
            #expect(again.state.settings.language == "fr" && again.state.settings.notificationContent)
        }
    }

    @Test func suspended_in_the_background_and_back() async throws {
        try await World.with { world in
            let (_, bao, there, here) = try await world.talk("avant")
            here.draftChanged("pas encore dit")
            let list = bao.list()
            try await so { list.state.rows?.first?.isDraft == true }
            await bao.session.suspend()
            #expect(openFiles(in: world.place("Bảo")) == [])
            try await there.say("pendant")
            try await so { there.bubbles.last?.tick == .sent }
            // Some seconds in the background: it is told of, and let go again.
            let told = await bao.session.wakeUp(within: .seconds(30))
            #expect(told.map(\.title) == [.sentence(Sentence("notification.new_message"))])
            #expect(openFiles(in: world.place("Bảo")) == [])
            await bao.session.resume()
            try await here.sees("pendant")
            #expect(here.state.composer?.text == "pas encore dit")
            here.send()
            try await there.sees("pas encore dit")
            // Quicker than the core: the last word counts.
            var turns: [Task<Void, Never>] = []
            for _ in 0..<10 {
                turns.append(Task { await bao.session.suspend() })
                turns.append(Task { await bao.session.resume() })
            }
            for turn in turns { await turn.value }
            try await here.say("toujours là")
            try await there.sees("toujours là")
        }
    }

    @Test func the_main_thread_asks_nothing_of_the_store() async throws {
        try await World.with { world in
            // In a process of its own, whose main thread runs the main actor: see Tests/MainThread.
            let links = try [world.invite("Anne"), world.invite("Bảo")]
            let process = Process()
            let out = Pipe()
            process.executableURL = World.program(beside: "main-thread")
            process.arguments = [world.place("phones").path] + links
            process.standardOutput = out
            try process.run()
            let said = try await elsewhere { try out.fileHandleForReading.readToEnd() } ?? Data()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0, "\(String(decoding: said, as: UTF8.self))")
        }
    }
}

/// What the process has open in a folder.
func openFiles(in folder: URL) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return all.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
        .filter { $0.hasPrefix(folder.path) }
}
