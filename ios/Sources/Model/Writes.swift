/// What a person did, on its way to the store: moments. Going behind waits for it, since the process may be gone after that.
@MainActor enum Writes {
    private static var running: [Int: @MainActor () async -> Void] = [:]
    private static var count = 0

    /// Does it, and is waited for. Nothing that needs the network.
    @discardableResult
    static func begin<Value: Sendable>(_ work: @escaping @MainActor () async -> Value) -> Task<Value, Never> {
        count += 1
        let number = count
        let task = Task {
            defer { running[number] = nil }
            return await work()
        }
        running[number] = { _ = await task.value }
        return task
    }

    /// Waits until all of it is with the store.
    static func done() async { while let running = running.values.first { await running() } }
}
