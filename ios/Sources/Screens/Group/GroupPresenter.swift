import Foundation
import Observation
import Pli

/// Shows a group, and changes it.
@MainActor @Observable final class GroupPresenter: Presenter, GroupEvents {
    private(set) var state = GroupState()
    let id: ConversationId

    @ObservationIgnored private let client: Client
    @ObservationIgnored private let conversation: Pli.Conversation
    @ObservationIgnored private var members: [Member]?
    @ObservationIgnored private var info: ConversationInfo?
    @ObservationIgnored private var me: PersonId?

    init(_ client: Client, _ id: ConversationId) {
        self.client = client
        self.id = id
        conversation = client.conversation(id)
    }

    var problem: Sentence? {
        get { state.problem }
        set { state.problem = newValue }
    }

    /// Follows the core while the screen is there.
    func run() async {
        me = try? await client.me().id
        async let info: Void = follow(conversation.info) { self.show($0) }
        async let members: Void = follow(conversation.members) { await self.show($0) }
        async let changes: Void = follow(conversation.timeline().items, as: \.waits) {
            self.state.queued = $0 ? Sentence("group.queued") : nil
        }
        _ = await (info, members, changes)
    }

    func rename(_ name: String) { call { try await $0.rename(to: name) } }

    func topic(_ topic: String) { call { try await $0.setTopic(topic) } }

    func remove(_ person: PersonId) { call { try await $0.remove([person]) } }

    func setRole(of person: PersonId, to role: Role) { call { try await $0.setRole(of: person, to: role) } }

    func setLeastRole(for permission: Permission, to role: Role) {
        call { try await $0.setLeastRole(for: permission, to: role) }
    }

    /// In days; for ever if absent.
    func setLifetime(_ days: Int?) {
        call { try await $0.setLifetime(days.map { .seconds($0 * 86_400) }) }
    }

    /// The last owner is told to name another first.
    func leave() {
        guard state.lastOwner == nil else {
            problem = state.lastOwner
            return
        }
        let conversation = conversation
        Task { state.hasLeft = await act { try await conversation.leave() }.value }
    }

    private func call(_ work: @escaping @Sendable (Pli.Conversation) async throws -> Void) {
        let conversation = conversation
        act { try await work(conversation) }
    }

    private func show(_ info: ConversationInfo) {
        let mayChanged = self.info?.may != info.may || self.info?.myRole != info.myRole
        self.info = info
        state.avatar = Avatar(info)
        state.topic = info.topic
        state.memberCount = Int(info.memberCount)
        let isIn = info.membership.mayWrite
        state.mayRename = isIn && info.may.contains(.rename)
        state.mayAdd = isIn && info.may.contains(.add)
        state.maySet = isIn && info.may.contains(.setRoles)
        state.mayLeave = isIn
        state.lastOwner = info.soleOwner ? Sentence("group.last_owner") : nil
        state.least = info.least
        state.lifetime = info.lifetime.map { Int($0 / 86_400) }
        if mayChanged { Task { await makeRows() } }
    }

    private func show(_ members: [Member]) async {
        self.members = members
        await makeRows()
    }

    /// Makes the rows away from the main actor, of what is known when they are done.
    private func makeRows() async {
        while let members, let info {
            let (me, own, may) = (me, info.myRole, info.may)
            let rows = await elsewhere { members.map { MemberRow($0, me: me, own: own, may: may) } }
            guard self.members == members, self.info?.myRole == own, self.info?.may == may else { continue }
            state.members = rows
            return
        }
    }
}

extension MemberRow {
    init(_ member: Member, me: PersonId?, own: Role, may: Set<Permission>) {
        person = member.person
        avatar = Avatar(member.person)
        role = member.role
        isGuest = member.role == .guest || member.person.guestUntil != nil
        mine = member.person.id == me
        // Nobody acts on those above, nor makes anybody more than they are themselves.
        let mayAct = !mine && own.rank >= member.role.rank
        var actions: [Action] = []
        if mayAct, may.contains(.setRoles), member.role != .guest {
            if member.role != .owner, own == .owner { actions.append(.makeOwner) }
            if member.role != .admin { actions.append(.makeAdmin) }
            if member.role != .member { actions.append(.makeMember) }
        }
        if mayAct, may.contains(.remove) { actions.append(.remove) }
        self.actions = actions
    }
}

extension Role {
    var rank: Int {
        switch self {
        case .guest: 0
        case .member: 1
        case .admin: 2
        case .owner: 3
        }
    }
}

extension [TimelineItem] {
    /// A change of this phone's is not in the group yet.
    var waits: Bool {
        contains { if case .changed(let change) = $0 { change.delivery == .waiting } else { false } }
    }
}
