#if DEBUG && canImport(UIKit)
import Pli
import SwiftUI

@MainActor private func person(_ verification: Verification) -> some View {
    let state = PersonState(
        avatar: Samples.avatar(1), department: "Services techniques", guest: nil, departed: false,
        devices: Sentence("person.devices", count: 2),
        safetyNumber: (0..<12).map { String(10_237 + $0 * 4_871) }, verification: verification, mayWrite: true)
    return NavigationStack { PersonView(state: state, events: Idle()) }
}

#Preview("verified") { person(.verified) }
#Preview("not_verified") { person(.notVerified) }
#Preview("changed") { person(.changed) }
#endif
