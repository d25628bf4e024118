import Pli

/// How a person or group is recognised at a glance: the core says the initials and which of the theme's colours.
struct Avatar: Hashable, Sendable {
    let name: String
    let initials: String
    let colour: Int
}
