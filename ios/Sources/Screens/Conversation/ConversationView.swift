import Pli
import SwiftUI

/// One conversation: its lines, and the composer below.
struct ConversationView: View {
    let state: ConversationState
    let events: any ConversationEvents
    let onDetails: @MainActor () -> Void
    /// The line at the foot of the screen.
    @State private var lowest: TimelineLine.Id?
    @State private var marked: TimelineLine.Id?
    @Environment(\.words) private var words
    @Environment(\.accessibilityReduceMotion) private var isStill

    var body: some View {
        ScrollViewReader { reader in
            ScrollView {
                LazyVStack(spacing: 0) {
                    ForEach(state.lines ?? []) { line in
                        LineView(line: line, isMarked: line.id == marked, events: events)
                            .id(line.id)
                            .onAppear { appeared(line) }
                    }
                }
                .scrollTargetLayout()
                .padding(.horizontal, Gap.edge)
                .padding(.vertical, Gap.medium)
            }
            // What is at the foot of the screen stays there when older lines come above.
            .scrollPosition(id: $lowest, anchor: .bottom)
            .defaultScrollAnchor(.bottom)
            .scrollDismissesKeyboard(.interactively)
            .onChange(of: state.lines?.last?.id, initial: true) { before, last in
                // Whoever is at the end goes on with it.
                if lowest == nil || lowest == before { lowest = last }
            }
            .onChange(of: lowest, initial: true) { _, line in
                if case .entry(let entry) = line { events.seen(entry) }
            }
            .onChange(of: state.target, initial: true) { _, target in scroll(reader, to: target) }
        }
        .overlay {
            if state.lines?.isEmpty == true {
                NothingView(symbol: "text.bubble", title: words("conversation.empty"))
            }
        }
        .overlay(alignment: .bottom) { pill }
        .safeAreaInset(edge: .top, spacing: 0) { notices }
        .safeAreaInset(edge: .bottom, spacing: 0) { foot }
        .navigationTitle(state.title.avatar.name)
        .navigationBarTitleDisplayMode(.inline)
        .toolbar { ToolbarItem(placement: .principal) { title } }
        .telling(state.problem, told: events.told)
    }

    private var title: some View {
        Button(action: onDetails) {
            HStack(spacing: Gap.medium) {
                AvatarView(state.title.avatar, size: 32)
                VStack(alignment: .leading, spacing: 0) {
                    Text(verbatim: state.title.avatar.name).font(.headline).lineLimit(1)
                    if let detail = state.title.detail {
                        Text(words(detail)).font(.caption).foregroundStyle(.secondary).lineLimit(1)
                    }
                }
            }
            .frame(minHeight: Gap.target)
        }
        .buttonStyle(.plain)
        .accessibilityLabel(Text(words("conversation.details", .text(state.title.avatar.name))))
        .accessibilityAddTraits(.isHeader)
    }

    private var notices: some View {
        VStack(spacing: 0) {
            if let connection = state.connection { BannerView(banner: connection) }
            if let guests = state.guests { NoticeView(text: words(guests), symbol: "person.crop.circle.badge.questionmark") }
        }
        .background(Color.page)
    }

    @ViewBuilder private var foot: some View {
        VStack(spacing: 0) {
            if let notice = state.notice { NoticeView(text: words(notice)) }
            if let composer = state.composer { ComposerView(composer: composer, events: events) }
        }
        .background(Color.page)
    }

    @ViewBuilder private var pill: some View {
        if let newest = state.newest {
            Button {
                events.jump(to: nil)
            } label: {
                HStack(spacing: Gap.small) {
                    Image(systemName: "chevron.down").accessibilityHidden(true)
                    if case .messages(let count) = newest {
                        Text(words(Sentence("conversation.new_messages", count: count)))
                    }
                }
                .font(.subheadline.weight(.semibold))
                .padding(.horizontal, Gap.large)
                .frame(minWidth: Gap.target, minHeight: Gap.target)
                .background(.regularMaterial, in: Capsule())
            }
            .padding(.bottom, Gap.medium)
            .accessibilityLabel(Text(label(newest)))
        }
    }

    private func label(_ newest: Newest) -> String {
        switch newest {
        case .away: words("conversation.newest")
        case .messages(let count): words(Sentence("conversation.new_messages", count: count))
        }
    }

    private func appeared(_ line: TimelineLine) {
        guard let lines = state.lines else { return }
        if line.id == lines.first?.id { events.older() }
        if line.id == lines.last?.id { events.newer() }
    }

    private func scroll(_ reader: ScrollViewProxy, to target: ScrollTarget?) {
        guard let target else { return }
        let place: UnitPoint =
            switch target.line {
            case state.lines?.last?.id: .bottom
            case .unread: .top
            default: .center
            }
        withAnimation(isStill ? nil : .easeOut(duration: 0.2)) {
            reader.scrollTo(target.line, anchor: place)
            marked = target.isMarked ? target.line : nil
        }
    }
}

/// A line of the timeline.
private struct LineView: View {
    let line: TimelineLine
    let isMarked: Bool
    let events: any ConversationEvents
    @Environment(\.words) private var words

    var body: some View {
        switch line {
        case .day(let day):
            Text(words.day(day))
                .font(.footnote.weight(.semibold))
                .foregroundStyle(.secondary)
                .padding(.vertical, Gap.large)
                .accessibilityAddTraits(.isHeader)
        case .unread:
            HStack(spacing: Gap.medium) {
                Rectangle().frame(height: 1)
                Text(words("conversation.unread_line")).font(.footnote.weight(.semibold)).fixedSize()
                Rectangle().frame(height: 1)
            }
            .foregroundStyle(Color.action)
            .padding(.vertical, Gap.large)
            .accessibilityElement(children: .combine)
            .accessibilityAddTraits(.isHeader)
        case .message(let bubble):
            BubbleView(bubble: bubble, isMarked: isMarked, events: events)
                .padding(.top, bubble.joinsAbove ? Gap.tiny : Gap.large)
        case .change(let change):
            ChangeView(change: change, retry: { events.retry(change.id) })
        }
    }
}

/// A change of the group, in plain words.
private struct ChangeView: View {
    let change: ChangeLine
    let retry: @MainActor () -> Void
    @Environment(\.words) private var words

    var body: some View {
        VStack(spacing: Gap.tiny) {
            HStack(alignment: .firstTextBaseline, spacing: Gap.small) {
                if change.isWarning { Image(systemName: "exclamationmark.triangle").accessibilityHidden(true) }
                Text(words(change.sentence))
            }
            .foregroundStyle(change.isWarning ? Color.red : Color.secondary)
            switch change.tick {
            case .waiting: Label(words("change.waiting"), systemImage: "clock").foregroundStyle(.secondary)
            case .refused(let why):
                Label(words(why), systemImage: "exclamationmark.circle").foregroundStyle(Color.red)
                Button(words("app.retry"), action: retry).frame(minHeight: Gap.target)
            case .sent, nil: EmptyView()
            }
        }
        .font(.footnote)
        .multilineTextAlignment(.center)
        .frame(maxWidth: .infinity)
        .padding(.vertical, Gap.medium)
        .accessibilityElement(children: .contain)
    }
}
