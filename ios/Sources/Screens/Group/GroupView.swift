import Pli
import SwiftUI

/// A group's details.
struct GroupView: View {
    let state: GroupState
    let events: any GroupEvents
    let onAdd: @MainActor () -> Void
    let onPerson: @MainActor (PersonId) -> Void
    @State private var renaming: Field?
    @State private var text = ""
    @State private var removing: MemberRow?
    @State private var isLeaving = false
    @Environment(\.words) private var words

    private enum Field { case name, topic }

    var body: some View {
        List {
            about
            if let queued = state.queued { NoticeView(text: words(queued), symbol: "clock") }
            members
            rules
            leaving
        }
        .navigationTitle(words("group.title"))
        .navigationBarTitleDisplayMode(.inline)
        .alert(
            words(renaming == .topic ? "group.topic" : "group.name"),
            isPresented: Binding(get: { renaming != nil }, set: { if !$0 { renaming = nil } })
        ) {
            TextField(words(renaming == .topic ? "group.topic" : "group.name"), text: $text).privateTyping()
            Button(words("app.cancel"), role: .cancel) {}
            Button(words("conversation.save")) { renaming == .topic ? events.topic(text) : events.rename(text) }
        }
        .confirmationDialog(
            removing.map { words("group.remove_sure", .text($0.avatar.name)) } ?? "",
            isPresented: Binding(get: { removing != nil }, set: { if !$0 { removing = nil } }), titleVisibility: .visible,
            presenting: removing
        ) { row in
            Button(words("group.remove"), role: .destructive) { events.remove(row.id) }
        }
        .confirmationDialog(words("group.leave_sure"), isPresented: $isLeaving, titleVisibility: .visible) {
            Button(words("group.leave"), role: .destructive, action: events.leave)
        }
        .telling(state.problem, told: events.told)
    }

    private var about: some View {
        Section {
            HStack(spacing: Gap.large) {
                AvatarView(state.avatar, size: 64)
                VStack(alignment: .leading, spacing: Gap.small) {
                    Text(verbatim: state.avatar.name).font(.title2.bold())
                    Text(verbatim: state.topic.isEmpty ? words("group.no_topic") : state.topic).foregroundStyle(.secondary)
                }
            }
            .accessibilityElement(children: .combine)
            if state.mayRename {
                Button(words("group.rename")) { begin(.name, state.avatar.name) }.frame(minHeight: Gap.target)
                Button(words("group.topic")) { begin(.topic, state.topic) }.frame(minHeight: Gap.target)
            }
        }
    }

    private func begin(_ field: Field, _ now: String) {
        text = now
        renaming = field
    }

    private var members: some View {
        Section {
            if state.mayAdd {
                Button(action: onAdd) { Label(words("group.add"), systemImage: "person.badge.plus") }
                    .frame(minHeight: Gap.target)
            }
            ForEach(state.members ?? []) { row in
                Button {
                    onPerson(row.id)
                } label: {
                    PersonLine(avatar: row.avatar, detail: row.person.department, mark: mark(row))
                }
                .buttonStyle(.plain)
                .contextMenu { actions(row) }
                .swipeActions(edge: .trailing, allowsFullSwipe: false) {
                    if row.actions.contains(.remove) {
                        Button(words("group.remove"), role: .destructive) { removing = row }
                    }
                }
                .accessibilityActions { actions(row) }
            }
        } header: {
            Text(words("group.members") + " · " + words(Sentence("conversation.members", count: state.memberCount)))
        }
    }

    private func mark(_ row: MemberRow) -> String {
        let role =
            switch row.role {
            case .owner: words("app.role_owner")
            case .admin: words("app.role_admin")
            case .member: words("app.role_member")
            case .guest: words("app.guest")
            }
        let marks = [row.mine ? words("app.you") : nil, role, row.isGuest && row.role != .guest ? words("app.guest") : nil]
        return marks.compactMap { $0 }.joined(separator: " · ")
    }

    @ViewBuilder private func actions(_ row: MemberRow) -> some View {
        ForEach(row.actions, id: \.self) { action in
            switch action {
            case .makeOwner: Button(words("group.make_owner")) { events.setRole(of: row.id, to: .owner) }
            case .makeAdmin: Button(words("group.make_admin")) { events.setRole(of: row.id, to: .admin) }
            case .makeMember: Button(words("group.make_member")) { events.setRole(of: row.id, to: .member) }
            case .remove: Button(words("group.remove"), role: .destructive) { removing = row }
            }
        }
    }

    private var rules: some View {
        Section(words("group.who_may")) {
            least("group.may_post", .post, state.least.post)
            least("group.may_add", .add, state.least.add)
            least("group.may_rename", .rename, state.least.rename)
            Picker(
                words("group.lifetime"), selection: Binding(get: { state.lifetime }, set: { events.setLifetime($0) })
            ) {
                Text(words("group.for_ever")).tag(Int?.none)
                ForEach(lifetimes, id: \.self) { days in
                    Text(words(Sentence("group.days", count: days))).tag(Int?.some(days))
                }
            }
            .disabled(!state.maySet)
        }
    }

    /// Those offered, and whatever it is now.
    private var lifetimes: [Int] { Array(Set([7, 30, 90, 365] + [state.lifetime].compactMap { $0 })).sorted() }

    private func least(_ key: String, _ permission: Permission, _ now: Role) -> some View {
        Picker(words(key), selection: Binding(get: { now }, set: { events.setLeastRole(for: permission, to: $0) })) {
            // Guests change nothing in a group.
            if permission == .post { Text(words("group.everyone")).tag(Role.guest) }
            Text(words("group.no_guests")).tag(Role.member)
            Text(words("group.admins")).tag(Role.admin)
            Text(words("group.owners")).tag(Role.owner)
        }
        .disabled(!state.maySet)
    }

    @ViewBuilder private var leaving: some View {
        if state.mayLeave {
            Section {
                Button(words("group.leave"), role: .destructive) {
                    // The last owner reads why not yet.
                    if state.lastOwner == nil { isLeaving = true } else { events.leave() }
                }
                .frame(minHeight: Gap.target)
            } footer: {
                if let lastOwner = state.lastOwner { Text(words(lastOwner)) }
            }
        }
    }
}
