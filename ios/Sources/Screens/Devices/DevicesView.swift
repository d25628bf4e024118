import Pli
import SwiftUI

/// The own devices.
struct DevicesView: View {
    let state: DevicesState
    let events: any DevicesEvents
    @State private var revoking: DeviceRow?
    @Environment(\.words) private var words

    var body: some View {
        List {
            ForEach(state.devices ?? []) { device in
                Section { row(device) }
            }
        }
        .navigationTitle(words("devices.title"))
        .navigationBarTitleDisplayMode(.inline)
        .confirmationDialog(
            words("devices.revoke_sure"),
            isPresented: Binding(get: { revoking != nil }, set: { if !$0 { revoking = nil } }), titleVisibility: .visible,
            presenting: revoking
        ) { device in
            Button(words("devices.revoke"), role: .destructive) { events.revoke(device.id) }
        }
        .telling(state.problem, told: events.told)
    }

    @ViewBuilder private func row(_ device: DeviceRow) -> some View {
        HStack(alignment: .firstTextBaseline, spacing: Gap.large) {
            Image(systemName: device.revoked ? "iphone.slash" : "iphone").accessibilityHidden(true)
            VStack(alignment: .leading, spacing: Gap.small) {
                Text(words(device.this ? "devices.this" : "devices.other")).font(.headline)
                ForEach(facts(device), id: \.self) { Text(verbatim: $0).font(.subheadline).foregroundStyle(.secondary) }
            }
        }
        .accessibilityElement(children: .combine)
        if device.mayApprove { approval(device) }
        if device.isRevoking {
            Label(words("devices.revoking"), systemImage: "clock")
        } else if device.mayRevoke {
            Button(words("devices.revoke"), role: .destructive) { revoking = device }.frame(minHeight: Gap.target)
        }
    }

    private func facts(_ device: DeviceRow) -> [String] {
        [device.revoked ? words("devices.revoked") : nil, words(device.enrolled), device.seen.map { words($0) }, device.missing.map { words($0) }]
            .compactMap { $0 }
    }

    /// The number on both, and the yes to it.
    private func approval(_ device: DeviceRow) -> some View {
        VStack(alignment: .leading, spacing: Gap.medium) {
            Text(words("devices.approve_how")).font(.subheadline)
            Text(verbatim: device.number.joined(separator: " "))
                .font(.body.monospaced())
                .accessibilityLabel(Text(verbatim: device.number.map { $0.map(String.init).joined(separator: " ") }.joined(separator: ", ")))
            Button(words("devices.approve")) { events.approve(device.id) }
                .buttonStyle(.borderedProminent)
                .frame(minHeight: Gap.target)
        }
    }
}
