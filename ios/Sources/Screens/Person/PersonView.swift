import Pli
import SwiftUI

/// A person, and whether it is really them.
struct PersonView: View {
    let state: PersonState
    let events: any PersonEvents
    @State private var isScanning = false
    @Environment(\.words) private var words
    @Environment(\.dynamicTypeSize) private var typeSize

    var body: some View {
        List {
            Section {
                HStack(spacing: Gap.large) {
                    AvatarView(state.avatar, size: 64)
                    VStack(alignment: .leading, spacing: Gap.small) {
                        Text(verbatim: state.avatar.name).font(.title2.bold())
                        ForEach(facts, id: \.self) { Text(verbatim: $0).foregroundStyle(.secondary) }
                    }
                }
                .accessibilityElement(children: .combine)
                if state.mayWrite {
                    Button(action: events.write) { Label(words("person.write"), systemImage: "square.and.pencil") }
                        .frame(minHeight: Gap.target)
                }
            }
            if let number = state.safetyNumber { safety(number) }
        }
        .navigationTitle(words("person.title"))
        .navigationBarTitleDisplayMode(.inline)
        .sheet(isPresented: $isScanning) { ScanSheet(title: words("welcome.scan"), found: events.scanned) }
        .telling(state.problem, told: events.told)
    }

    private var facts: [String] {
        [
            state.department, state.guest.map { words($0) }, state.departed ? words("new.departed") : nil,
            state.devices.map { words($0) },
        ].compactMap { $0 }.filter { !$0.isEmpty }
    }

    private func safety(_ number: [String]) -> some View {
        Section(words("person.safety")) {
            if let verification = state.verification { standing(verification) }
            Text(words("person.safety_how", .text(state.avatar.name))).font(.subheadline)
            LazyVGrid(columns: Array(repeating: GridItem(.flexible()), count: typeSize.isAccessibilitySize ? 2 : 4)) {
                ForEach(Array(number.enumerated()), id: \.offset) { group in
                    Text(verbatim: group.element).font(.body.monospaced())
                }
            }
            .environment(\.layoutDirection, .leftToRight)
            .accessibilityElement()
            .accessibilityLabel(Text(verbatim: number.map { $0.map(String.init).joined(separator: " ") }.joined(separator: ", ")))
            CodeView(text: number.joined(), label: words("person.code")).frame(maxWidth: .infinity)
            if state.verification != .verified {
                Button(action: events.verify) { Label(words("person.verify"), systemImage: "checkmark") }
                    .frame(minHeight: Gap.target)
            }
            if ScannerView.isAvailable {
                Button {
                    isScanning = true
                } label: {
                    Label(words("welcome.scan"), systemImage: "qrcode.viewfinder")
                }
                .frame(minHeight: Gap.target)
            }
        }
    }

    private func standing(_ verification: Verification) -> some View {
        switch verification {
        case .verified: Label(words("person.verified"), systemImage: "checkmark.seal.fill")
        case .notVerified: Label(words("person.not_verified"), systemImage: "seal")
        case .changed:
            Label(words("person.changed", .text(state.avatar.name)), systemImage: "exclamationmark.triangle.fill")
        }
    }
}
