import Foundation
import Pli

/// What was said in one conversation, and what is being written.
struct ConversationState: Equatable, Sendable {
    var title = ConversationTitle()
    /// Nothing before the store was asked, which is not "nothing said yet".
    var lines: [TimelineLine]?
    var connection: Banner?
    /// Guests are in the group.
    var guests: Sentence?
    /// Why nothing can be written here, or what else the person should know of their place in it.
    var notice: Sentence?
    /// Absent where the person may not write.
    var composer: Composer? = Composer()
    /// The way to the newest, where it is not on the screen.
    var newest: Newest?
    /// Where to scroll to; another value each time.
    var target: ScrollTarget?
    var problem: Sentence?
}

struct ConversationTitle: Equatable, Sendable {
    var avatar = Avatar(name: "", initials: "", colour: 0)
    /// How many people are in a group.
    var detail: Sentence?
    /// A pair's other person: the title leads to them, a group's to its details.
    var peer: PersonId?
}

/// One line of the timeline, from the oldest to the newest.
enum TimelineLine: Identifiable, Hashable, Sendable {
    case day(Date)
    case unread
    case message(Bubble)
    case change(ChangeLine)

    enum Id: Hashable, Sendable {
        case day(Date)
        case unread
        case entry(ItemId)
    }

    var id: Id {
        switch self {
        case .day(let day): .day(day)
        case .unread: .unread
        case .message(let bubble): .entry(bubble.id)
        case .change(let change): .entry(change.id)
        }
    }
}

/// A message.
struct Bubble: Identifiable, Hashable, Sendable {
    enum Action: Hashable, Sendable { case reply, react, copy, edit, delete, takeBack, retry }

    let id: ItemId
    let author: Avatar
    let person: PersonId
    let mine: Bool
    let text: Phrase
    let kind: Kind
    let quote: QuoteLine?
    let reactions: [ReactionChip]
    let sentAt: Date
    let edited: Bool
    let tick: Tick?
    let actions: [Action]
    /// The same author goes on from the line before, or on the next: no name, and a small corner.
    var joinsAbove = false
    var joinsBelow = false
    /// In a group: the name over the first of an author's, the picture beside the last.
    var showsAuthor = false
    var showsPicture = false
    /// Others' in a group stand beside the room for a picture.
    var leavesRoom = false

    enum Kind: Hashable, Sendable {
        case said
        /// A few emoji and nothing else: large, without a bubble.
        case emoji
        /// Deleted, unknown, unreadable: Pli speaks.
        case gone
    }
}

/// The message that another answers.
struct QuoteLine: Hashable, Sendable {
    let entry: ItemId
    /// Absent where the message is no longer here.
    let author: String?
    let text: Phrase
}

struct ReactionChip: Hashable, Sendable {
    let emoji: String
    let count: Int
    let mine: Bool
}

/// A change of the group, in plain words.
struct ChangeLine: Identifiable, Hashable, Sendable {
    let id: ItemId
    let sentence: Sentence
    let at: Date
    let tick: Tick?
    /// The person should look into it.
    let isWarning: Bool
}

/// What is being written.
struct Composer: Equatable, Sendable {
    enum Mode: Equatable, Sendable {
        case new
        case reply(to: QuoteLine)
        case edit(ItemId)
    }

    var text = ""
    var mode = Mode.new
    var isTooLong = false

    var canSend: Bool { !isTooLong && !text.allSatisfy(\.isWhitespace) }
}

enum Newest: Equatable, Sendable {
    case away
    case messages(Int)
}

struct ScrollTarget: Equatable, Sendable {
    let line: TimelineLine.Id
    /// Somebody asked for this line: it is pointed out.
    let isMarked: Bool
    let number: Int
}

/// What a person does here.
@MainActor protocol ConversationEvents: AnyObject, Sendable {
    func draftChanged(_ text: String)
    func send()
    func reply(to message: ItemId)
    func edit(_ message: ItemId)
    func cancel()
    func delete(_ message: ItemId)
    func react(to message: ItemId, with emoji: String)
    func retry(_ entry: ItemId)
    func jump(to entry: ItemId?)
    func older()
    func newer()
    func seen(_ entry: ItemId)
    func told()
}
