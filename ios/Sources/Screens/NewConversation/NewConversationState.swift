import Foundation
import Pli

/// Choosing people: one to write to, or several for a group; or for a group that is there already.
struct NewConversationState: Equatable, Sendable {
    enum Purpose: Equatable, Sendable { case begin, add }

    var purpose = Purpose.begin
    var query = ""
    /// Nothing before the store was asked.
    var people: [PersonRow]?
    var chosen: [PersonRow] = []
    var name = ""
    /// The directory can't be reached: these are the people whom this phone knows.
    var notice: Sentence?
    var isStarting = false
    /// What was made: the screen makes room for it.
    var opened: ConversationId?
    var isDone = false
    var problem: Sentence?

    /// Several people make a group, which needs a name.
    var needsName: Bool { purpose == .begin && chosen.count > 1 }

    var canStart: Bool {
        !isStarting && !chosen.isEmpty && (!needsName || !name.allSatisfy(\.isWhitespace))
    }

    /// What the button says.
    var action: Sentence? {
        guard let first = chosen.first else { return nil }
        if purpose == .add { return Sentence("group.add") }
        return chosen.count == 1
            ? Sentence("new.write", .text(first.avatar.name)) : Sentence("new.make", count: chosen.count)
    }

    /// What stands in place of an empty list.
    var empty: Sentence? {
        guard let people, people.isEmpty else { return nil }
        return Sentence(query.allSatisfy(\.isWhitespace) ? "new.nobody" : "new.no_result")
    }
}

/// A person of the directory.
struct PersonRow: Identifiable, Hashable, Sendable {
    let id: PersonId
    let avatar: Avatar
    let department: String?
    let isGuest: Bool
    /// No longer in the organisation: can't be chosen.
    let departed: Bool

    init(_ person: Person) {
        id = person.id
        avatar = Avatar(person)
        department = person.department
        isGuest = person.guestUntil != nil
        departed = person.departed
    }
}

/// What a person does here.
@MainActor protocol NewConversationEvents: AnyObject, Sendable {
    func queryChanged(_ query: String)
    func choose(_ person: PersonId)
    func nameChanged(_ name: String)
    func start()
    func told()
}
