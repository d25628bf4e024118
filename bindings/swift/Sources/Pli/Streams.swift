import PliNative

/// A stream of the native layer. It ends when its last holder lets go.
final class Pulled<Batch: Sendable>: Sendable {
    let next: @Sendable (Int64) async -> Batch?
    let stop: @Sendable () -> Void

    init(next: @escaping @Sendable (Int64) async -> Batch?, stop: @escaping @Sendable () -> Void) {
        self.next = next
        self.stop = stop
    }

    deinit { stop() }

    /// The batch after the first `taken`; nil at the end, and when the task is cancelled.
    func pull(after taken: Int64) async -> Batch? {
        if Task.isCancelled { return nil }
        return await withTaskCancellationHandler {
            await next(taken)
        } onCancel: {
            stop()
        }
    }
}

/// What is, now and after every change. Never throws; ends when the client is closed. Each `for await` begins anew.
public struct Values<Element: Sendable>: AsyncSequence, Sendable {
    let open: @Sendable () -> Pulled<Element>

    public func makeAsyncIterator() -> Iterator { Iterator(pulled: open()) }

    public struct Iterator: AsyncIteratorProtocol {
        let pulled: Pulled<Element>
        var taken: Int64 = 0

        public mutating func next() async -> Element? {
            guard let value = await pulled.pull(after: taken) else { return nil }
            taken += 1
            return value
        }
    }
}

/// One step of a list: from where, how many go, what comes.
struct Step<Item: Sendable>: Sendable {
    let at: Int
    let removed: Int
    let inserted: [Item]
}

/// A step as the native layer has it.
protocol Splice: Sendable {
    associatedtype Item: Sendable
    var at: Int32 { get }
    var removed: Int32 { get }
    var inserted: [Item] { get }
}

extension ConversationSplice: Splice {}
extension DeviceSplice: Splice {}
extension ItemSplice: Splice {}
extension MemberSplice: Splice {}
extension PeopleSplice: Splice {}

/// The list that the steps of a native stream lead to.
func listed<S: Splice>(
    _ open: @escaping @Sendable () -> (next: @Sendable (Int64) async -> [S]?, stop: @Sendable () -> Void)
) -> Lists<S.Item> {
    Lists {
        let (next, stop) = open()
        return Pulled(
            next: { await next($0)?.map { Step(at: Int($0.at), removed: Int($0.removed), inserted: $0.inserted) } },
            stop: stop)
    }
}

/// A list, ready to show, now and after every change. Never throws; ends when the client is closed. Each `for await`
/// begins anew.
public struct Lists<Item: Sendable>: AsyncSequence, Sendable {
    let open: @Sendable () -> Pulled<[Step<Item>]>

    public func makeAsyncIterator() -> Iterator { Iterator(pulled: open()) }

    public struct Iterator: AsyncIteratorProtocol {
        let pulled: Pulled<[Step<Item>]>
        var taken: Int64 = 0
        var list: [Item] = []

        public mutating func next() async -> [Item]? {
            guard let steps = await pulled.pull(after: taken) else { return nil }
            taken += 1
            for step in steps {
                list.replaceSubrange(step.at..<step.at + step.removed, with: step.inserted)
            }
            return list
        }
    }
}

/// A waiting call that ends when its task is cancelled.
func cancellable<Value: Sendable>(_ call: @Sendable (Cancel) async throws -> Value) async throws -> Value {
    let cancel = Cancel()
    return try await withTaskCancellationHandler {
        do {
            return try await call(cancel)
        } catch PliError.Closed where Task.isCancelled {
            throw CancellationError()
        }
    } onCancel: {
        cancel.fire()
    }
}

extension Duration {
    /// Seconds, as the native layer has them.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
