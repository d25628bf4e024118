#if DEBUG && canImport(UIKit)
import Pli
import SwiftUI

@MainActor private func talk(
    _ lines: [TimelineLine] = Samples.talk, _ change: (inout ConversationState) -> Void = { _ in }
) -> some View {
    var state = ConversationState()
    state.title = ConversationTitle(
        avatar: Samples.avatar(4, "Crue du Vidourle"), detail: Sentence("conversation.members", count: 12), peer: nil)
    state.lines = lines
    change(&state)
    return NavigationStack { ConversationView(state: state, events: Idle(), onDetails: {}) }
}

private let quote = QuoteLine(entry: ItemId("3"), author: "Chloé Dubois", text: .text("La pompe 3 est à l’arrêt."))
private let long = String(repeating: "Le niveau baisse depuis 14 h, mais la digue reste sous surveillance. ", count: 12)
private let said = Samples.talk

#Preview("empty") { talk([]) }
#Preview("long_text") { talk(said + [Samples.bubble(9, long), Samples.bubble(10, long, mine: true)]) }
#Preview("emoji_only") { talk(said + [Samples.bubble(9, "🌊🚒", kind: .emoji), Samples.bubble(10, "👍", mine: true, kind: .emoji)]) }
#Preview("right_to_left") {
    talk([Samples.bubble(9, "هل وصلت المضخة الثالثة؟"), Samples.bubble(10, "نعم، منذ الساعة الثامنة", mine: true)])
        .environment(\.layoutDirection, .rightToLeft)
}
#Preview("thousand") {
    talk((0..<1_000).map { Samples.bubble($0, "Relevé n° \($0)", mine: $0 % 5 == 0, author: $0 % 4 + 1) }) {
        $0.newest = .messages(3)
    }
}
#Preview("queued") {
    talk(said + [Samples.bubble(9, "Je pars maintenant.", mine: true, tick: .waiting)]) { $0.connection = .unreachable }
}
#Preview("refused") {
    talk(
        said + [
            Samples.bubble(9, "Toujours là", mine: true, tick: .refused(Sentence("conversation.refused_not_a_member")))
        ]
    ) {
        $0.composer = nil
        $0.notice = Sentence("conversation.removed")
    }
}
#Preview("announcements") { talk { $0.composer = Composer(text: "Réunion à 9 h") } }
#Preview("removed") {
    talk {
        $0.composer = nil
        $0.notice = Sentence("conversation.removed")
    }
}
#Preview("guest_present") { talk { $0.guests = Sentence("conversation.guests", count: 1) } }
#Preview("reply") { talk { $0.composer = Composer(text: "Depuis quand ?", mode: .reply(to: quote)) } }
#Preview("edit") { talk { $0.composer = Composer(text: "Bien reçu. J’appelle.", mode: .edit(ItemId("2"))) } }
#Preview("too_long") { talk { $0.composer = Composer(text: long, isTooLong: true) } }
#Preview("not_allowed") {
    talk {
        $0.composer = nil
        $0.notice = Sentence("conversation.announcements")
    }
}
#endif
