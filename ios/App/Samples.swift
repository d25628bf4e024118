#if DEBUG
import Foundation
import Pli
import SwiftUI

/// What previews show: people and conversations of a town hall, and events that do nothing.
enum Samples {
    static let names = ["Anne Leroy", "Bảo Nguyễn", "Chloé Dubois", "Driss El Amrani", "Éloïse Marchand"]

    static func avatar(_ number: Int, _ name: String? = nil) -> Avatar {
        let name = name ?? names[number % names.count]
        let initials = name.split(separator: " ").compactMap(\.first).map(String.init)
        return Avatar(name: name, initials: (initials.first ?? "") + (initials.count > 1 ? initials.last! : ""), colour: number % 12)
    }

    static func person(_ number: Int, name: String? = nil, department: String? = "Services techniques") -> Person {
        let avatar = avatar(number, name)
        return Person(
            id: PersonId("\(number)"), name: avatar.name, department: department, guestUntil: nil, departed: false,
            initials: avatar.initials, colour: Int32(avatar.colour))
    }

    /// Yesterday in the morning.
    static let day = Calendar.current.startOfDay(for: Date()).addingTimeInterval(-15 * 3_600)

    static func bubble(
        _ number: Int, _ text: String, mine: Bool = false, kind: Bubble.Kind = .said, quote: QuoteLine? = nil,
        reactions: [ReactionChip] = [], tick: Tick? = nil, author: Int = 1
    ) -> TimelineLine {
        .message(
            Bubble(
                id: ItemId("\(number)"), author: avatar(mine ? 0 : author), person: PersonId("\(mine ? 0 : author)"), mine: mine,
                text: .text(text), kind: kind, quote: quote, reactions: reactions,
                sentAt: day.addingTimeInterval(Double(number) * 60), edited: false, tick: tick ?? (mine ? .sent : nil),
                actions: mine ? [.reply, .react, .copy, .edit, .delete] : [.reply, .react, .copy], showsAuthor: !mine,
                showsPicture: !mine, leavesRoom: !mine))
    }

    static func change(_ number: Int, _ sentence: Sentence, tick: Tick? = nil) -> TimelineLine {
        .change(ChangeLine(id: ItemId("c\(number)"), sentence: sentence, at: day, tick: tick, isWarning: false))
    }

    static let talk: [TimelineLine] = [
        .day(day),
        change(0, Sentence("change.founded", .text(names[0]))),
        bubble(1, "Le Vidourle monte : 3,20 m à Sommières."),
        bubble(
            2, "Bien reçu. J’appelle l’astreinte.", mine: true,
            reactions: [ReactionChip(emoji: "👍", count: 2, mine: false)]),
        .unread,
        bubble(
            3, "La pompe 3 est à l’arrêt.", quote: QuoteLine(entry: ItemId("2"), author: names[0], text: .text("J’appelle l’astreinte.")),
            author: 2),
    ]
}

/// Events that do nothing.
@MainActor
final class Idle: WelcomeEvents, ConversationsEvents, ConversationEvents, NewConversationEvents, GroupEvents,
    PersonEvents, DevicesEvents, SettingsEvents
{
    func linkChanged(_ link: String) {}
    func join() {}
    func mute(_ conversation: ConversationId) {}
    func unmute(_ conversation: ConversationId) {}
    func draftChanged(_ text: String) {}
    func send() {}
    func reply(to message: ItemId) {}
    func edit(_ message: ItemId) {}
    func cancel() {}
    func delete(_ message: ItemId) {}
    func react(to message: ItemId, with emoji: String) {}
    func retry(_ entry: ItemId) {}
    func jump(to entry: ItemId?) {}
    func older() {}
    func newer() {}
    func seen(_ entry: ItemId) {}
    func queryChanged(_ query: String) {}
    func choose(_ person: PersonId) {}
    func nameChanged(_ name: String) {}
    func start() {}
    func rename(_ name: String) {}
    func topic(_ topic: String) {}
    func remove(_ person: PersonId) {}
    func setRole(of person: PersonId, to role: Role) {}
    func setLeastRole(for permission: Permission, to role: Role) {}
    func setLifetime(_ days: Int?) {}
    func leave() {}
    func write() {}
    func verify() {}
    func scanned(_ code: String) {}
    func approve(_ device: DeviceId) {}
    func revoke(_ device: DeviceId) {}
    func appearance(_ appearance: Settings.Appearance) {}
    func language(_ language: String?) {}
    func notifications(_ isOn: Bool, content: Bool) {}
    func told() {}
}
#endif
