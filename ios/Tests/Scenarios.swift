import Testing

/// All that is shown: see apps/SCENARIOS.md. One after the other: each has a server and devices of its own.
@Suite(.serialized) @MainActor struct Scenarios {}
