import Pli
import SwiftUI

/// A message: the own on the right, with what can be done about it in its menu.
struct BubbleView: View {
    let bubble: Bubble
    let isMarked: Bool
    let events: any ConversationEvents
    @State private var isReacting = false
    @State private var isDeleting = false
    @Environment(\.words) private var words

    private static let picture = 28.0

    /// What is offered at once; more by the keyboard.
    static let emoji = ["👍", "❤️", "😂", "😮", "😢", "🙏"]

    var body: some View {
        HStack(alignment: .bottom, spacing: Gap.medium) {
            if bubble.showsPicture {
                AvatarView(bubble.author, size: Self.picture)
            } else if bubble.leavesRoom {
                Color.clear.frame(width: Self.picture, height: 1)
            }
            VStack(alignment: bubble.mine ? .trailing : .leading, spacing: Gap.small) {
                content
                if !bubble.reactions.isEmpty { reactions }
                if case .refused(let why) = bubble.tick { refused(why) }
            }
            .containerRelativeFrame(.horizontal, alignment: bubble.mine ? .trailing : .leading) { width, _ in
                // Of what the edges leave, at most so much, and no more than can be read at a glance.
                let room = bubble.leavesRoom ? Self.picture + Gap.medium : 0
                return min((width - 2 * Gap.edge) * 0.82, 560) - room
            }
        }
        .frame(maxWidth: .infinity, alignment: bubble.mine ? .trailing : .leading)
        .confirmationDialog(words("conversation.react"), isPresented: $isReacting) {
            ForEach(Self.emoji, id: \.self) { emoji in
                Button(emoji) { events.react(to: bubble.id, with: emoji) }
                    .accessibilityLabel(Text(words("conversation.react_with", .text(emoji))))
            }
        }
        .confirmationDialog(words("conversation.delete_sure"), isPresented: $isDeleting, titleVisibility: .visible) {
            Button(words("conversation.delete"), role: .destructive) { events.delete(bubble.id) }
        }
    }

    private var content: some View {
        // The time stands at the end, however short the text is.
        VStack(alignment: .trailing, spacing: Gap.small) {
            VStack(alignment: .leading, spacing: Gap.small) {
                if bubble.showsAuthor { Text(verbatim: bubble.author.name).font(.footnote.weight(.semibold)) }
                if let quote = bubble.quote { QuoteView(quote: quote) { events.jump(to: quote.entry) } }
                text
            }
            HStack(spacing: Gap.small) {
                if bubble.edited { Text(words("conversation.edited")) }
                Text(words.time(bubble.sentAt))
                if let tick = bubble.tick { TickView(tick: tick) }
            }
            .font(.caption)
            .foregroundStyle(.secondary)
        }
        .padding(.horizontal, Gap.large)
        .padding(.vertical, Gap.medium)
        .background(fill, in: shape)
        .overlay { if isMarked { shape.stroke(Color.action, lineWidth: 2) } }
        .contextMenu { menu }
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(Text(label))
        .accessibilityActions {
            if let quote = bubble.quote {
                Button(words("conversation.replying", .text(quote.author ?? ""))) { events.jump(to: quote.entry) }
            }
            menu
        }
    }

    @ViewBuilder private var text: some View {
        switch bubble.kind {
        case .said: Text(verbatim: words(bubble.text)).font(.body).textSelection(.enabled)
        case .emoji: Text(verbatim: words(bubble.text)).font(.largeTitle)
        case .gone: Text(verbatim: words(bubble.text)).font(.body.italic()).foregroundStyle(.secondary)
        }
    }

    private var fill: Color {
        switch bubble.kind {
        case .emoji: Color.clear
        case .said, .gone: bubble.mine ? Color.ownBubble : Color.othersBubble
        }
    }

    /// Round, but for the corners where the same author goes on.
    private var shape: UnevenRoundedRectangle {
        let (round, joined) = (18.0, 4.0)
        let (above, below) = (bubble.joinsAbove ? joined : round, bubble.joinsBelow ? joined : round)
        return bubble.mine
            ? UnevenRoundedRectangle(
                topLeadingRadius: round, bottomLeadingRadius: round, bottomTrailingRadius: below, topTrailingRadius: above)
            : UnevenRoundedRectangle(
                topLeadingRadius: above, bottomLeadingRadius: below, bottomTrailingRadius: round, topTrailingRadius: round)
    }

    private var reactions: some View {
        HStack(spacing: Gap.small) {
            ForEach(bubble.reactions, id: \.self) { chip in
                Button {
                    events.react(to: bubble.id, with: chip.emoji)
                } label: {
                    Text(verbatim: chip.count > 1 ? "\(chip.emoji) \(words(.number(chip.count)))" : chip.emoji)
                        .font(.subheadline)
                        .padding(.horizontal, Gap.medium)
                        .frame(minWidth: Gap.target, minHeight: Gap.target)
                        .background(chip.mine ? Color.ownBubble : Color.raised, in: Capsule())
                        .overlay { if chip.mine { Capsule().stroke(Color.action, lineWidth: 1) } }
                }
                .buttonStyle(.plain)
                .disabled(!bubble.actions.contains(.react))
                .accessibilityLabel(Text(words("conversation.reaction", .text(chip.emoji), .number(chip.count))))
                .accessibilityAddTraits(chip.mine ? .isSelected : [])
            }
        }
    }

    private func refused(_ why: Sentence) -> some View {
        HStack(spacing: Gap.medium) {
            Text(words(why)).font(.footnote).foregroundStyle(Color.red)
            Button(words("app.retry")) { events.retry(bubble.id) }
                .font(.footnote.weight(.semibold))
                .frame(minHeight: Gap.target)
        }
    }

    @ViewBuilder private var menu: some View {
        ForEach(bubble.actions, id: \.self) { action in
            switch action {
            case .reply:
                Button {
                    events.reply(to: bubble.id)
                } label: {
                    Label(words("conversation.reply"), systemImage: "arrowshape.turn.up.left")
                }
            case .react:
                Button {
                    isReacting = true
                } label: {
                    Label(words("conversation.react"), systemImage: "face.smiling")
                }
            case .copy:
                Button {
                    Clipboard.copy(words(bubble.text))
                } label: {
                    Label(words("conversation.copy"), systemImage: "doc.on.doc")
                }
            case .edit:
                Button {
                    events.edit(bubble.id)
                } label: {
                    Label(words("conversation.edit"), systemImage: "pencil")
                }
            case .delete:
                Button(role: .destructive) {
                    isDeleting = true
                } label: {
                    Label(words("conversation.delete"), systemImage: "trash")
                }
            case .takeBack:
                Button(role: .destructive) {
                    events.delete(bubble.id)
                } label: {
                    Label(words("conversation.take_back"), systemImage: "arrow.uturn.backward")
                }
            case .retry:
                Button {
                    events.retry(bubble.id)
                } label: {
                    Label(words("app.retry"), systemImage: "arrow.clockwise")
                }
            }
        }
    }

    /// Who, what it answers, what, when, how far: in the order in which one asks.
    private var label: String {
        var parts = [bubble.mine ? words("app.you") : bubble.author.name]
        if let quote = bubble.quote {
            parts.append(words("conversation.replying", .text(quote.author ?? words("conversation.quote_gone"))))
        }
        parts.append(words(bubble.text))
        if bubble.edited { parts.append(words("conversation.edited")) }
        parts.append(words.time(bubble.sentAt))
        switch bubble.tick {
        case .waiting: parts.append(words("conversation.waiting"))
        case .sent: parts.append(words("conversation.sent"))
        case .refused(let why): parts.append(words(why))
        case nil: break
        }
        return parts.joined(separator: ", ")
    }
}

/// The message that another answers; a tap leads to it.
struct QuoteView: View {
    let quote: QuoteLine
    let onTap: @MainActor () -> Void
    @Environment(\.words) private var words

    var body: some View {
        Button(action: onTap) {
            HStack(spacing: Gap.medium) {
                RoundedRectangle(cornerRadius: 2).frame(width: 3).foregroundStyle(Color.action)
                VStack(alignment: .leading, spacing: Gap.tiny) {
                    if let author = quote.author { Text(verbatim: author).font(.footnote.weight(.semibold)) }
                    Text(verbatim: words(quote.text)).font(.footnote).foregroundStyle(.secondary).lineLimit(2)
                }
            }
            .padding(Gap.medium)
            .frame(minHeight: Gap.target)
            .background(Color.raised, in: RoundedRectangle(cornerRadius: 8))
            .fixedSize(horizontal: false, vertical: true)
        }
        .buttonStyle(.plain)
    }
}
