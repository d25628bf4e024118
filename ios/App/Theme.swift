// Written by apps/generate: change apps/theme.toml, not this.

/// The organisation's own.
enum Theme {
    static let name = "Pli"

    /// Red, green and blue, eight bits each.
    static let accent: UInt32 = 0x1F3A5F

    /// Backgrounds of white initials, by the core's colour.
    static let people: [UInt32] = [
        0x8C3A3A,
        0x8A4B1F,
        0x6B5B12,
        0x47661A,
        0x1F6B3A,
        0x176B63,
        0x1B6380,
        0x2F5AA0,
        0x4D4FA8,
        0x6B4499,
        0x87397F,
        0x8F3560,
    ]
}
