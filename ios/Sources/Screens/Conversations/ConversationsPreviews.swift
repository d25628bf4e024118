#if DEBUG && canImport(UIKit)
import Pli
import SwiftUI

private func row(_ number: Int) -> ConversationRow {
    let isDraft = number == 2
    let said = Sentence("conversations.said_by", .text("Bảo"), .text("La pompe 3 est à l’arrêt, on attend la pièce."))
    let draft = Sentence("conversations.draft", .text("À propos de la digue…"))
    return ConversationRow(
        id: ConversationId("\(number)"), avatar: Samples.avatar(number, number % 3 == 1 ? "Crue du Vidourle" : nil),
        line: .sentence(isDraft ? draft : said), isDraft: isDraft, tick: number == 3 ? .waiting : nil,
        at: Date().addingTimeInterval(-9_000 * Double(number)), unread: number == 0 ? 3 : 0, isMuted: number == 4)
}

@MainActor private func list(_ count: Int, _ banner: Banner? = nil) -> some View {
    let state = ConversationsState(rows: (0..<count).map(row), banner: banner)
    return NavigationStack {
        ConversationsView(
            state: state, events: Idle(), selection: .constant(nil), onNew: {}, onSettings: {}, onJoinAgain: {})
    }
}

#Preview("none") { list(0) }
#Preview("five") { list(5) }
#Preview("many") { list(500) }
#Preview("unreachable") { list(5, .unreachable) }
#Preview("catching_up") { list(5, Banner(sentence: Sentence("conversations.catching_up", count: 12), isWorking: true)) }
#Preview("revoked") { list(5, Banner(sentence: Sentence("conversations.revoked"), action: .joinAgain)) }
#endif
