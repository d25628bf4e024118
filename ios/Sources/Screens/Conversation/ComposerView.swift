import Pli
import SwiftUI

/// Where one writes: grows to six lines; what is answered or edited stands above.
struct ComposerView: View {
    let composer: Composer
    let events: any ConversationEvents
    @FocusState private var isTyping: Bool
    @Environment(\.words) private var words

    var body: some View {
        VStack(alignment: .leading, spacing: Gap.medium) {
            mode
            HStack(alignment: .bottom, spacing: Gap.medium) {
                TextField(
                    words("conversation.write"), text: Binding(get: { composer.text }, set: { events.draftChanged($0) }),
                    axis: .vertical
                )
                .lineLimit(1...6)
                .privateTyping(isProse: true)
                .focused($isTyping)
                .padding(.horizontal, Gap.large)
                .padding(.vertical, Gap.medium)
                .frame(minHeight: Gap.target)
                .background(Color.raised, in: RoundedRectangle(cornerRadius: 22))
                if composer.canSend { send }
            }
            if composer.isTooLong {
                Label(words("conversation.too_long"), systemImage: "exclamationmark.circle")
                    .font(.footnote)
                    .foregroundStyle(Color.red)
            }
        }
        .padding(.horizontal, Gap.edge)
        .padding(.vertical, Gap.medium)
        .onChange(of: composer.mode) { _, mode in if mode != .new { isTyping = true } }
    }

    private var isEditing: Bool { if case .edit = composer.mode { true } else { false } }

    private var send: some View {
        Button(action: events.send) {
            Image(systemName: isEditing ? "checkmark.circle.fill" : "arrow.up.circle.fill")
                .font(.title)
                .foregroundStyle(Color.action)
                .frame(width: Gap.target, height: Gap.target)
        }
        .accessibilityLabel(Text(words(isEditing ? "conversation.save" : "conversation.send")))
        .keyboardShortcut(.return, modifiers: .command)
    }

    @ViewBuilder private var mode: some View {
        switch composer.mode {
        case .new: EmptyView()
        case .reply(let quote):
            above(words("conversation.replying", .text(quote.author ?? "")), detail: words(quote.text))
        case .edit: above(words("conversation.editing"), detail: nil)
        }
    }

    private func above(_ title: String, detail: String?) -> some View {
        HStack(spacing: Gap.medium) {
            VStack(alignment: .leading, spacing: Gap.tiny) {
                Text(verbatim: title).font(.footnote.weight(.semibold))
                if let detail { Text(verbatim: detail).font(.footnote).foregroundStyle(.secondary).lineLimit(2) }
            }
            .frame(maxWidth: .infinity, alignment: .leading)
            .accessibilityElement(children: .combine)
            Button(action: events.cancel) {
                Image(systemName: "xmark.circle.fill").foregroundStyle(.secondary).frame(width: Gap.target, height: Gap.target)
            }
            .accessibilityLabel(Text(words("app.cancel")))
        }
    }
}
