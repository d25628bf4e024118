#if DEBUG && canImport(UIKit)
import Pli
import SwiftUI

@MainActor private func devices(_ count: Int, revoking: Bool = false) -> some View {
    let rows = (0..<count).map { number in
        DeviceRow(
            id: DeviceId("\(number)"), this: number == 0, revoked: number == 3, isRevoking: revoking && number == 1,
            enrolled: Sentence("devices.enrolled", .day(Samples.day)), seen: Sentence("devices.seen", .day(Samples.day)),
            missing: number == 1 ? Sentence("devices.missing", count: 4) : nil, number: ["10237", "44871", "90012", "33418"],
            mayApprove: number == 1 && !revoking, mayRevoke: number != 3)
    }
    return NavigationStack { DevicesView(state: DevicesState(devices: rows), events: Idle()) }
}

#Preview("one") { devices(1) }
#Preview("several") { devices(4) }
#Preview("revoking") { devices(4, revoking: true) }
#endif
