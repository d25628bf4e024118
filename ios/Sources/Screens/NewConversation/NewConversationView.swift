import Pli
import SwiftUI

/// Choosing people.
struct NewConversationView: View {
    let state: NewConversationState
    let events: any NewConversationEvents
    let onCancel: @MainActor () -> Void
    @Environment(\.words) private var words

    var body: some View {
        List {
            if let notice = state.notice { NoticeView(text: words(notice), symbol: "wifi.slash") }
            if state.needsName { name }
            ForEach(state.people ?? []) { person in row(person) }
        }
        .listStyle(.plain)
        .overlay {
            if let empty = state.empty { NothingView(symbol: "person.2", title: words(empty)) }
        }
        .searchable(
            text: Binding(get: { state.query }, set: { events.queryChanged($0) }),
            placement: .navigationBarDrawer(displayMode: .always), prompt: Text(words("new.search"))
        )
        .autocorrectionDisabled()
        .safeAreaInset(edge: .bottom, spacing: 0) { start }
        .navigationTitle(words(state.purpose == .add ? "group.add" : "new.title"))
        .navigationBarTitleDisplayMode(.inline)
        .toolbar {
            ToolbarItem(placement: .cancellationAction) { Button(words("app.cancel"), action: onCancel) }
        }
        .telling(state.problem, told: events.told)
    }

    private var name: some View {
        TextField(words("new.name"), text: Binding(get: { state.name }, set: { events.nameChanged($0) }))
            .privateTyping()
            .frame(minHeight: Gap.target)
    }

    private func row(_ person: PersonRow) -> some View {
        let isChosen = state.chosen.contains { $0.id == person.id }
        return Button {
            events.choose(person.id)
        } label: {
            HStack(spacing: Gap.medium) {
                PersonLine(
                    avatar: person.avatar, detail: person.departed ? words("new.departed") : person.department,
                    mark: person.isGuest ? words("app.guest") : nil)
                Image(systemName: isChosen ? "checkmark.circle.fill" : "circle")
                    .foregroundStyle(isChosen ? Color.action : Color.secondary)
                    .accessibilityHidden(true)
            }
        }
        .buttonStyle(.plain)
        .disabled(person.departed)
        .accessibilityLabel(Text(isChosen ? words("new.chosen", .text(person.avatar.name)) : label(person)))
        .accessibilityAddTraits(isChosen ? .isSelected : [])
    }

    private func label(_ person: PersonRow) -> String {
        [person.avatar.name, person.department, person.isGuest ? words("app.guest") : nil].compactMap { $0 }.joined(separator: ", ")
    }

    @ViewBuilder private var start: some View {
        if let action = state.action {
            Button(action: events.start) {
                HStack(spacing: Gap.medium) {
                    if state.isStarting { ProgressView().accessibilityHidden(true) }
                    Text(words(action))
                }
                .frame(maxWidth: .infinity, minHeight: Gap.target)
            }
            .buttonStyle(.borderedProminent)
            .disabled(!state.canStart)
            .padding(Gap.edge)
            .background(Color.page)
        }
    }
}
