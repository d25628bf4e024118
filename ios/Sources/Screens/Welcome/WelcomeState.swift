/// No device yet: an invitation is needed.
struct WelcomeState: Equatable, Sendable {
    var link = ""
    var isJoining = false
    /// Why it did not work; the link stays.
    var problem: Sentence?
    /// What became of the device that was here before.
    var before: Sentence?

    var canJoin: Bool { !isJoining && !link.allSatisfy(\.isWhitespace) }
}

/// What a person does here.
@MainActor protocol WelcomeEvents: AnyObject, Sendable {
    func linkChanged(_ link: String)
    func join()
}
