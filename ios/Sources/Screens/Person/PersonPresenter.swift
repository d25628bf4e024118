import Foundation
import Observation
import Pli

/// Shows a person, and the number that tells whether it is really them.
@MainActor @Observable final class PersonPresenter: Presenter, PersonEvents {
    private(set) var state = PersonState()

    @ObservationIgnored private let client: Client
    @ObservationIgnored private let id: PersonId

    init(_ client: Client, _ id: PersonId) {
        self.client = client
        self.id = id
    }

    var problem: Sentence? {
        get { state.problem }
        set { state.problem = newValue }
    }

    /// Follows the core while the screen is there.
    func run() async { await follow(client.personInfo(id), show: show) }

    /// Opens the conversation with the person.
    func write() {
        let (client, id) = (client, id)
        act { [self] in await open(try await client.pair(with: id).id) }
    }

    /// Notes that the digits were compared.
    func verify() {
        let (client, id) = (client, id)
        act { try await client.verify(id) }
    }

    /// The other's code was scanned: the same as comparing the digits.
    func scanned(_ code: String) {
        guard let number = state.safetyNumber else { return }
        if code == number.joined() { verify() } else { problem = Sentence("person.differs", .text(state.avatar.name)) }
    }

    private func open(_ conversation: ConversationId) { state.opened = conversation }

    private func show(_ info: PersonInfo) {
        let person = info.person
        state.avatar = Avatar(person)
        state.department = person.department
        state.guest = person.guestUntil.map { Sentence("person.guest_until", .day($0)) }
        state.departed = person.departed
        state.mayWrite = !info.me && !person.departed
        state.devices = info.deviceCount > 0 ? Sentence("person.devices", count: Int(info.deviceCount)) : nil
        state.safetyNumber = info.safetyNumber.map(groups)
        state.verification = info.safetyNumber == nil ? nil : info.verification
    }
}

/// Digits in groups of five, as they are read to one another.
func groups(_ digits: String) -> [String] {
    stride(from: 0, to: digits.count, by: 5).map { String(digits.dropFirst($0).prefix(5)) }
}
