import Foundation
import Pli

/// The conversation list.
struct ConversationsState: Equatable, Sendable {
    /// Nothing before the store was asked, which is not "none".
    var rows: [ConversationRow]?
    /// The connection and the device, where that matters.
    var banner: Banner?
    /// The organisation's name.
    var organisation = ""
    var problem: Sentence?
}

/// A conversation in the list.
struct ConversationRow: Identifiable, Hashable, Sendable {
    let id: ConversationId
    let avatar: Avatar
    /// What was said last, or the draft.
    let line: Phrase
    let isDraft: Bool
    /// How far an own last message came.
    let tick: Tick?
    /// When something was last said.
    let at: Date
    let unread: Int
    let isMuted: Bool
}

/// How far an own message or change came.
enum Tick: Hashable, Sendable {
    case waiting
    case sent
    case refused(Sentence)

    init(_ delivery: DeliveryState) {
        switch delivery {
        case .waiting: self = .waiting
        case .sent: self = .sent
        case .refused(let why): self = .refused(Sentence(why))
        }
    }
}

/// What a person does here.
@MainActor protocol ConversationsEvents: AnyObject, Sendable {
    func mute(_ conversation: ConversationId)
    func unmute(_ conversation: ConversationId)
    func told()
}
