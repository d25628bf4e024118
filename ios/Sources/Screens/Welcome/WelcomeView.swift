import SwiftUI

/// What Pli is, in one sentence, and the way in.
struct WelcomeView: View {
    let state: WelcomeState
    let events: any WelcomeEvents
    @State private var isScanning = false
    @FocusState private var isTyping: Bool
    @Environment(\.words) private var words

    var body: some View {
        ScrollView {
            VStack(alignment: .leading, spacing: Gap.wide) {
                LogoView()
                Text(words("welcome.title", .text(Theme.name))).font(.largeTitle.bold()).accessibilityAddTraits(.isHeader)
                Text(words("welcome.about"))
                if let before = state.before { NoticeView(text: words(before), symbol: "exclamationmark.triangle") }
                Text(words("welcome.how")).foregroundStyle(.secondary)
                link
                actions
            }
            .padding(Gap.wide)
            .frame(maxWidth: 560, alignment: .leading)
            .frame(maxWidth: .infinity)
        }
        .scrollDismissesKeyboard(.interactively)
        .sheet(isPresented: $isScanning) {
            ScanSheet(title: words("welcome.scan")) { code in
                events.linkChanged(code)
                events.join()
            }
        }
    }

    private var link: some View {
        VStack(alignment: .leading, spacing: Gap.medium) {
            HStack(spacing: Gap.medium) {
                TextField(words("welcome.link"), text: Binding(get: { state.link }, set: { events.linkChanged($0) }), axis: .vertical)
                    .lineLimit(1...4)
                    .privateTyping()
                    .focused($isTyping)
                    .submitLabel(.join)
                    .onSubmit { events.join() }
                    .disabled(state.isJoining)
                    .frame(minHeight: Gap.target)
                PasteButton(payloadType: String.self) { all in
                    guard let text = all.first else { return }
                    Task { @MainActor in events.linkChanged(text) }
                }
                .labelStyle(.iconOnly)
                .accessibilityLabel(Text(words("welcome.paste")))
            }
            .padding(.horizontal, Gap.large)
            .background(Color.raised, in: RoundedRectangle(cornerRadius: 12))
            if let problem = state.problem {
                Label(words(problem), systemImage: "exclamationmark.circle").foregroundStyle(Color.red).font(.subheadline)
            }
        }
    }

    private var actions: some View {
        VStack(spacing: Gap.large) {
            Button(action: events.join) {
                HStack(spacing: Gap.medium) {
                    if state.isJoining { ProgressView().accessibilityHidden(true) }
                    Text(words(state.isJoining ? "welcome.joining" : "welcome.join"))
                }
                .frame(maxWidth: .infinity, minHeight: Gap.target)
            }
            .buttonStyle(.borderedProminent)
            .disabled(!state.canJoin)
            if ScannerView.isAvailable {
                Button {
                    isScanning = true
                } label: {
                    Label(words("welcome.scan"), systemImage: "qrcode.viewfinder")
                        .frame(maxWidth: .infinity, minHeight: Gap.target)
                }
                .buttonStyle(.bordered)
                .disabled(state.isJoining)
            }
        }
    }
}

/// The camera over a screen, until it sees a code or the person gives up.
struct ScanSheet: View {
    let title: String
    let found: @MainActor (String) -> Void
    @Environment(\.dismiss) private var dismiss
    @Environment(\.words) private var words

    var body: some View {
        NavigationStack {
            ScannerView { code in
                dismiss()
                found(code)
            }
            .ignoresSafeArea()
            .accessibilityLabel(Text(title))
            .navigationTitle(title)
            .navigationBarTitleDisplayMode(.inline)
            .toolbar {
                ToolbarItem(placement: .cancellationAction) { Button(words("app.cancel")) { dismiss() } }
            }
        }
    }
}

/// The organisation's logo.
struct LogoView: View {
    var body: some View {
        Image("Logo").resizable().scaledToFit().frame(width: 72, height: 72).accessibilityHidden(true)
    }
}
