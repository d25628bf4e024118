import Foundation
import Pli

/// A group: what it is about, who is in it, who may do what.
struct GroupState: Equatable, Sendable {
    var avatar = Avatar(name: "", initials: "", colour: 0)
    var topic = ""
    /// Nothing before the store was asked.
    var members: [MemberRow]?
    var memberCount = 0
    var mayRename = false
    var mayAdd = false
    /// May say who may do what, and how long messages are kept.
    var maySet = false
    /// Absent for those who are not in it any more.
    var mayLeave = false
    var least = LeastRoles(add: .admin, remove: .admin, post: .member, rename: .admin)
    /// Days; for ever if absent.
    var lifetime: Int?
    /// A change of this phone's is not in the group yet.
    var queued: Sentence?
    /// Why one can't leave yet.
    var lastOwner: Sentence?
    var hasLeft = false
    var problem: Sentence?
}

struct MemberRow: Identifiable, Hashable, Sendable {
    enum Action: Hashable, Sendable { case makeOwner, makeAdmin, makeMember, remove }

    var id: PersonId { person.id }
    let person: Person
    let avatar: Avatar
    let role: Role
    let isGuest: Bool
    let mine: Bool
    /// In the order of a menu.
    let actions: [Action]
}

/// What a person does here.
@MainActor protocol GroupEvents: AnyObject, Sendable {
    func rename(_ name: String)
    func topic(_ topic: String)
    func remove(_ person: PersonId)
    func setRole(of person: PersonId, to role: Role)
    func setLeastRole(for permission: Permission, to role: Role)
    func setLifetime(_ days: Int?)
    func leave()
    func told()
}
