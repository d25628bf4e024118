import Foundation
import Observation
import Pli

/// Finds people, and begins a conversation with those who were chosen, or adds them to a group.
@MainActor @Observable final class NewConversationPresenter: Presenter, NewConversationEvents {
    private(set) var state = NewConversationState()

    @ObservationIgnored private let client: Client
    /// The group that people are added to, and those in it already.
    @ObservationIgnored private let group: Pli.Conversation?
    @ObservationIgnored private var left: Set<PersonId> = []
    /// Follows what the directory has, while the screen is there.
    @ObservationIgnored private var finding: Task<Void, Never>?

    /// With a group, those who are chosen are added to it.
    init(_ client: Client, group: ConversationId? = nil) {
        self.client = client
        self.group = group.map(client.conversation)
        if group != nil { state.purpose = .add }
    }

    var problem: Sentence? {
        get { state.problem }
        set { state.problem = newValue }
    }

    /// Follows the core while the screen is there.
    func run() async {
        let (me, members) = (try? await client.me(), try? await group?.memberList())
        left = Set((members ?? []).map(\.person.id))
        if let me { left.insert(me.id) }
        find()
        await follow(client.state) { self.show($0) }
        finding?.cancel()
        finding = nil
    }

    func queryChanged(_ query: String) {
        guard query != state.query else { return }
        state.query = query
        if finding != nil { find() }
    }

    /// Chooses, or undoes that.
    func choose(_ person: PersonId) {
        if let place = state.chosen.firstIndex(where: { $0.id == person }) {
            state.chosen.remove(at: place)
        } else if let row = state.people?.first(where: { $0.id == person }), !row.departed {
            state.chosen.append(row)
        }
    }

    func nameChanged(_ name: String) { state.name = name }

    func start() {
        guard state.canStart else { return }
        state.isStarting = true
        let (client, group, people, name) = (client, group, state.chosen.map(\.id), state.name)
        Task {
            let done = await act { [self] in
                if let group {
                    try await group.add(people)
                } else if people.count == 1 {
                    await open(try await client.pair(with: people[0]).id)
                } else {
                    await open(try await client.createGroup(name, with: people).id)
                }
            }.value
            state.isStarting = false
            state.isDone = done
        }
    }

    private func open(_ conversation: ConversationId) { state.opened = conversation }

    private func show(_ connection: ClientState) {
        switch connection {
        case .offline: state.notice = Sentence("new.unreachable")
        case .connecting: break
        default: state.notice = nil
        }
    }

    private func find() {
        finding?.cancel()
        let (client, query, left) = (client, state.query, left)
        finding = Task {
            await follow(
                client.directory(query), as: { $0.filter { !left.contains($0.id) }.map(PersonRow.init) }
            ) { [weak self] in
                if let self, state.query == query { state.people = $0 }
            }
        }
    }
}
