#if DEBUG && canImport(UIKit)
import Pli
import SwiftUI

@MainActor private func group(
    _ count: Int, admin: Bool, _ change: (inout GroupState) -> Void = { _ in }
) -> some View {
    var state = GroupState()
    state.avatar = Samples.avatar(4, "Crue du Vidourle")
    state.topic = "Astreinte et relevés"
    state.memberCount = count
    state.members = (0..<count).map { number in
        MemberRow(
            person: Samples.person(number), avatar: Samples.avatar(number),
            role: number == 0 ? .owner : number == 1 ? .admin : .member, isGuest: number == 3, mine: number == (admin ? 0 : 2),
            actions: admin && number > 0 ? [.makeAdmin, .remove] : [])
    }
    (state.mayRename, state.mayAdd, state.maySet, state.mayLeave) = (admin, admin, admin, true)
    change(&state)
    return NavigationStack { GroupView(state: state, events: Idle(), onAdd: {}, onPerson: { _ in }) }
}

#Preview("as_member") { group(5, admin: false) }
#Preview("as_admin") { group(5, admin: true) }
#Preview("last_owner") { group(5, admin: true) { $0.lastOwner = Sentence("group.last_owner") } }
#Preview("two") { group(2, admin: true) }
#Preview("five_hundred") { group(500, admin: true) }
#Preview("change_queued") { group(5, admin: true) { $0.queued = Sentence("group.queued") } }
#endif
