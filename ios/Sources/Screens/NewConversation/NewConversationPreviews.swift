#if DEBUG && canImport(UIKit)
import Pli
import SwiftUI

@MainActor private func new(chosen: Int = 0, _ change: (inout NewConversationState) -> Void = { _ in }) -> some View {
    var state = NewConversationState()
    let people = (0..<5).map { PersonRow(Samples.person($0)) }
    state.people = people
    state.chosen = Array(people.prefix(chosen))
    change(&state)
    return NavigationStack { NewConversationView(state: state, events: Idle(), onCancel: {}) }
}

#Preview("people") { new() }
#Preview("one_chosen") { new(chosen: 1) }
#Preview("several_chosen") { new(chosen: 3) { $0.name = "Crue du Vidourle" } }
#Preview("no_result") {
    new {
        $0.query = "zz"
        $0.people = []
    }
}
#Preview("unreachable") { new { $0.notice = Sentence("new.unreachable") } }
#endif
