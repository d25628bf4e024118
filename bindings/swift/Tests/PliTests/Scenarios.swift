import Testing

/// All that is shown: see bindings/SCENARIOS.md. One after the other, since some count the process's threads and memory.
@Suite(.serialized) struct Scenarios {}
