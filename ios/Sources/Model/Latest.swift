/// Does the newest of what was asked, one at a time: what was overtaken meanwhile is left out. For what is kept while
/// somebody types or scrolls.
@MainActor final class Latest<Value: Sendable> {
    private var next: Value?
    private var task: Task<Void, Never>?
    private let work: @MainActor (Value) async -> Void

    init(_ work: @escaping @MainActor (Value) async -> Void) { self.work = work }

    func callAsFunction(_ value: Value) {
        next = value
        guard task == nil else { return }
        task = Writes.begin { [self] in
            while let value = next {
                next = nil
                await work(value)
            }
            task = nil
        }
    }

    /// Drops the value that waits; gives the work that is under way, to wait for.
    func drop() -> Task<Void, Never>? {
        next = nil
        return task
    }
}
