import Pli

/// Follows a stream of the core's, away from the main actor: `shape` makes of each value what is shown, and `show` shows
/// it. Ends with the stream, or with its task.
func follow<Source: AsyncSequence & Sendable, Shown: Sendable>(
    _ source: Source, as shape: @escaping @Sendable (Source.Element) -> Shown, show: @MainActor @Sendable (Shown) async -> Void
) async {
    do {
        for try await value in source { await show(shape(value)) }
    } catch {
        // The core's streams never throw.
    }
}

/// Follows a stream whose values are shown as they are.
func follow<Source: AsyncSequence & Sendable>(
    _ source: Source, show: @MainActor @Sendable (Source.Element) async -> Void
) async where Source.Element: Sendable {
    await follow(source, as: { $0 }, show: show)
}
