import Pli

/// What all presenters do alike: a person's action goes to the core, and what it throws becomes a sentence on the screen.
@MainActor protocol Presenter: AnyObject {
    /// What went wrong, until it was read.
    var problem: Sentence? { get set }
}

extension Presenter {
    /// The sentence was read.
    func told() { problem = nil }

    /// Makes a call of the core's that does not wait for the server; whether it was taken.
    @discardableResult
    func act(_ work: @escaping @Sendable () async throws -> Void) -> Task<Bool, Never> {
        Writes.begin { [self] in
            do {
                try await work()
                return true
            } catch is CancellationError {
                return false
            } catch {
                problem = Sentence(error)
                return false
            }
        }
    }
}
