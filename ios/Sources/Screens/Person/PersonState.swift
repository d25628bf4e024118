import Foundation
import Pli

/// A person, and whether it is really them.
struct PersonState: Equatable, Sendable {
    var avatar = Avatar(name: "", initials: "", colour: 0)
    var department: String?
    /// A guest's last day.
    var guest: Sentence?
    var departed = false
    var devices: Sentence?
    /// Sixty digits in twelve groups; absent until it is known, and for oneself.
    var safetyNumber: [String]?
    var verification: Verification?
    /// The conversation with them: the screen makes room for it.
    var opened: ConversationId?
    var mayWrite = false
    var problem: Sentence?
}

/// What a person does here.
@MainActor protocol PersonEvents: AnyObject, Sendable {
    func write()
    func verify()
    func scanned(_ code: String)
    func told()
}
