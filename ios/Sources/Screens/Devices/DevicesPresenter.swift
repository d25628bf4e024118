import Foundation
import Observation
import Pli

/// Shows the own devices: lets further ones in, shuts lost ones out.
@MainActor @Observable final class DevicesPresenter: Presenter, DevicesEvents {
    private(set) var state = DevicesState()

    @ObservationIgnored private let client: Client
    @ObservationIgnored private var devices: [DeviceInfo] = []
    @ObservationIgnored private var revoking: Set<DeviceId> = []

    init(_ client: Client) { self.client = client }

    var problem: Sentence? {
        get { state.problem }
        set { state.problem = newValue }
    }

    /// Follows the core while the screen is there.
    func run() async {
        await follow(client.devices) { devices in
            self.devices = devices
            self.show()
        }
    }

    /// The numbers on both were compared, and are the same.
    func approve(_ device: DeviceId) {
        guard let number = devices.first(where: { $0.id == device })?.number else { return }
        let client = client
        act { try await client.approve(device, number: number) }
    }

    func revoke(_ device: DeviceId) {
        guard revoking.insert(device).inserted else { return }
        show()
        let client = client
        Task {
            do {
                // Until the list shows that it is out.
                try await client.revoke(device)
            } catch {
                problem = Sentence(error)
                revoking.remove(device)
                show()
            }
        }
    }

    private func show() {
        let thisIsOut = devices.contains { $0.this && $0.revoked }
        let rows = devices.map { DeviceRow($0, isRevoking: revoking.contains($0.id) && !$0.revoked, mayChange: !thisIsOut) }
        state.devices = rows.filter(\.this) + rows.filter { !$0.this }
    }
}

extension DeviceRow {
    init(_ device: DeviceInfo, isRevoking: Bool, mayChange: Bool) {
        id = device.id
        this = device.this
        revoked = device.revoked
        self.isRevoking = isRevoking
        enrolled = Sentence("devices.enrolled", .day(device.enrolledAt))
        seen = device.seenOn.map { Sentence("devices.seen", .day($0)) }
        let isMissing = !device.this && !device.revoked && device.missingFrom > 0
        missing = isMissing ? Sentence("devices.missing", count: Int(device.missingFrom)) : nil
        number = groups(device.number)
        mayApprove = isMissing && mayChange && !isRevoking
        mayRevoke = !device.revoked && mayChange && !isRevoking
    }
}
