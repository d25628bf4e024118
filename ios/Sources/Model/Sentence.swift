import Foundation
import Pli

/// What a screen says: the key of a string (apps/strings.toml) and its arguments, in the order in which English names
/// them first. Words come in where it is shown.
struct Sentence: Hashable, Sendable {
    let key: String
    let arguments: [Phrase]

    init(_ key: String, _ arguments: Phrase...) {
        self.key = key
        self.arguments = arguments
    }

    /// A sentence whose form depends on a number, its first argument.
    init(_ key: String, count: Int) { self.init(key, .number(count)) }
}

/// A piece of what is shown.
enum Phrase: Hashable, Sendable {
    /// What people wrote, and names: as it is.
    case text(String)
    case number(Int)
    /// A day, by the platform's calendar.
    case day(Date)
    case sentence(Sentence)
    /// Several, such as names.
    case list([Phrase])
}

extension Sentence {
    /// What to tell about what a call threw: the one place where the core's errors become sentences.
    init(_ error: any Error) {
        guard let error = error as? PliError else {
            self.init("problem.unavailable")
            return
        }
        switch error {
        case .Unavailable: self.init("problem.unavailable")
        case .StoreInUse: self.init("problem.store_in_use")
        case .Invalid(.text, _): self.init("problem.invalid_text")
        case .Invalid(.name, _): self.init("problem.invalid_name")
        case .Invalid(.invitation, _): self.init("welcome.bad_link")
        case .Invalid: self.init("problem.invalid")
        case .StorageFull: self.init("problem.storage_full")
        case .NotAllowed: self.init("problem.not_allowed")
        case .NotFound: self.init("problem.not_found")
        case .InvitationRefused(.unknown): self.init("welcome.unknown")
        case .InvitationRefused(.used): self.init("welcome.used")
        case .InvitationRefused(.expired): self.init("welcome.expired")
        case .InvitationRefused(.wrongServer): self.init("welcome.wrong_organisation")
        case .ClockWrong: self.init("problem.clock_wrong")
        case .KeyUnavailable(.locked): self.init("problem.locked")
        case .KeyUnavailable: self.init("problem.key_gone")
        case .UpdateRequired: self.init("problem.update")
        case .NotEnrolled, .Revoked: self.init("problem.out")
        case .AlreadyEnrolled: self.init("problem.invalid")
        case .Damaged: self.init("problem.damaged")
        case .Closed, .Internal: self.init("problem.closed")
        }
    }

    /// Why something was not done.
    init(_ refusal: Refusal) {
        switch refusal {
        case .notAMember: self.init("conversation.refused_not_a_member")
        case .notAllowed: self.init("conversation.refused_not_allowed")
        case .noDevice: self.init("conversation.refused_no_device")
        case .tooMany: self.init("conversation.refused_too_many")
        case .server: self.init("conversation.refused_server")
        }
    }
}
