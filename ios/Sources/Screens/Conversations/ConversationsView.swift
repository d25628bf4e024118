import Pli
import SwiftUI

/// The conversation list.
struct ConversationsView: View {
    let state: ConversationsState
    let events: any ConversationsEvents
    @Binding var selection: ConversationId?
    let onNew: @MainActor () -> Void
    let onSettings: @MainActor () -> Void
    let onJoinAgain: @MainActor () -> Void
    @State private var isLeaving = false
    @Environment(\.words) private var words

    var body: some View {
        List(selection: $selection) {
            ForEach(state.rows ?? []) { row in
                NavigationLink(value: row.id) { ConversationLine(row: row) }
                    .swipeActions(edge: .trailing) { mute(row) }
                    .contextMenu { mute(row) }
            }
        }
        .listStyle(.plain)
        .overlay {
            if state.rows?.isEmpty == true {
                NothingView(
                    symbol: "bubble.left.and.bubble.right", title: words("conversations.none"),
                    how: words("conversations.none_how"))
            }
        }
        .safeAreaInset(edge: .top, spacing: 0) {
            if let banner = state.banner { BannerView(banner: banner) { isLeaving = true } }
        }
        .navigationTitle(words("conversations.title"))
        .toolbar {
            ToolbarItem(placement: .topBarLeading) {
                Button(action: onSettings) { Label(words("settings.title"), systemImage: "gearshape") }
            }
            ToolbarItem(placement: .primaryAction) {
                Button(action: onNew) { Label(words("conversations.new"), systemImage: "square.and.pencil") }
                    .keyboardShortcut("n", modifiers: .command)
            }
        }
        .confirmationDialog(words("conversations.forget_sure"), isPresented: $isLeaving, titleVisibility: .visible) {
            Button(words("conversations.join_again"), role: .destructive, action: onJoinAgain)
        }
        .telling(state.problem, told: events.told)
    }

    private func mute(_ row: ConversationRow) -> some View {
        Button {
            row.isMuted ? events.unmute(row.id) : events.mute(row.id)
        } label: {
            Label(
                words(row.isMuted ? "conversations.unmute" : "conversations.mute"),
                systemImage: row.isMuted ? "bell" : "bell.slash")
        }
    }
}

/// One conversation: who, what was said last, when, how much is unread.
struct ConversationLine: View {
    let row: ConversationRow
    @Environment(\.words) private var words
    @Environment(\.dynamicTypeSize) private var typeSize

    var body: some View {
        HStack(alignment: typeSize.isAccessibilitySize ? .top : .center, spacing: Gap.large) {
            AvatarView(row.avatar, size: 52)
            VStack(alignment: .leading, spacing: Gap.tiny) {
                HStack(alignment: .firstTextBaseline, spacing: Gap.medium) {
                    Text(verbatim: row.avatar.name).font(.headline).lineLimit(typeSize.isAccessibilitySize ? 3 : 1)
                    if row.isMuted {
                        Image(systemName: "bell.slash").font(.caption).foregroundStyle(.secondary)
                            .accessibilityLabel(Text(words("conversations.muted")))
                    }
                    Spacer(minLength: Gap.medium)
                    Text(words.moment(row.at)).font(.subheadline).foregroundStyle(.secondary)
                }
                HStack(alignment: .firstTextBaseline, spacing: Gap.small) {
                    if let tick = row.tick { TickView(tick: tick) }
                    Text(verbatim: words(row.line)).font(.subheadline).foregroundStyle(.secondary).lineLimit(2)
                    Spacer(minLength: Gap.medium)
                    if row.unread > 0 { UnreadView(count: row.unread, isMuted: row.isMuted) }
                }
            }
        }
        .padding(.vertical, Gap.small)
        .accessibilityElement(children: .combine)
    }
}

/// How many messages were not read.
struct UnreadView: View {
    let count: Int
    let isMuted: Bool
    @Environment(\.words) private var words

    var body: some View {
        Text(words(.number(count)))
            .font(.footnote.weight(.semibold))
            .foregroundStyle(isMuted ? Color.primary : Color.page)
            .padding(.horizontal, Gap.medium)
            .padding(.vertical, Gap.tiny)
            .background(isMuted ? Color.raised : Color.action, in: Capsule())
            .accessibilityLabel(Text(words(Sentence("conversations.unread", count: count))))
    }
}

/// A clock, a tick, or that it was not sent.
struct TickView: View {
    let tick: Tick
    @Environment(\.words) private var words

    var body: some View {
        Image(systemName: symbol)
            .font(.caption2)
            .foregroundStyle(isRefused ? Color.red : Color.secondary)
            .accessibilityLabel(Text(label))
    }

    private var isRefused: Bool { if case .refused = tick { true } else { false } }

    private var symbol: String {
        switch tick {
        case .waiting: "clock"
        case .sent: "checkmark"
        case .refused: "exclamationmark.circle"
        }
    }

    private var label: String {
        switch tick {
        case .waiting: words("conversation.waiting")
        case .sent: words("conversation.sent")
        case .refused(let why): words(why)
        }
    }
}
