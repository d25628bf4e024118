import Foundation
import Pli

/// The own devices: this one first.
struct DevicesState: Equatable, Sendable {
    /// Nothing before the store was asked.
    var devices: [DeviceRow]?
    var problem: Sentence?
}

struct DeviceRow: Identifiable, Hashable, Sendable {
    let id: DeviceId
    let this: Bool
    let revoked: Bool
    let isRevoking: Bool
    let enrolled: Sentence
    let seen: Sentence?
    /// It is not in some conversations yet: it can be let in, by the number that both show.
    let missing: Sentence?
    /// The number that both show, in groups.
    let number: [String]
    let mayApprove: Bool
    let mayRevoke: Bool
}

/// What a person does here.
@MainActor protocol DevicesEvents: AnyObject, Sendable {
    func approve(_ device: DeviceId)
    func revoke(_ device: DeviceId)
    func told()
}
