import Foundation
import Pli

/// Makes a timeline's items into lines: days, grouping, the unread line. Pure, and done away from the main thread.
struct TimelineLines: Equatable, Sendable {
    var me: PersonId?
    var isGroup = false
    /// The first message that had not been seen when the conversation was opened.
    var firstUnread: ItemId?
    /// Of the members: who deleted what.
    var names: [PersonId: String] = [:]
    var calendar = Calendar.current
    /// Reactions and replies are for those who may write.
    var mayPost = true
    var mayDelete = false

    func callAsFunction(_ items: [TimelineItem]) -> [TimelineLine] {
        var lines: [TimelineLine] = []
        lines.reserveCapacity(items.count + 8)
        var day: Date?
        for item in items {
            let today = calendar.startOfDay(for: item.at)
            // By senders' clocks: a day is named when it begins, and never again for one that was late.
            if day.map({ today > $0 }) ?? true {
                lines.append(.day(today))
                day = today
            }
            if item.id == firstUnread { lines.append(.unread) }
            switch item {
            case .changed(let change): lines.append(.change(line(change)))
            case .said(let message):
                var bubble = bubble(message)
                if case .message(var above) = lines.last, above.goes(with: bubble) {
                    above.joinsBelow = true
                    above.showsPicture = false
                    bubble.joinsAbove = true
                    lines[lines.count - 1] = .message(above)
                }
                let isOthers = isGroup && !bubble.mine
                bubble.showsAuthor = isOthers && !bubble.joinsAbove
                bubble.showsPicture = isOthers
                bubble.leavesRoom = isOthers
                lines.append(.message(bubble))
            }
        }
        return lines
    }

    private func bubble(_ message: Message) -> Bubble {
        let isText = if case .text = message.content { true } else { false }
        return Bubble(
            id: message.id, author: Avatar(message.sender), person: message.sender.id, mine: message.mine,
            text: text(message), kind: !isText ? .gone : message.emojiOnly ? .emoji : .said,
            quote: isText ? message.replyTo.map(QuoteLine.init) : nil,
            reactions: message.reactions.map { reaction in
                ReactionChip(
                    emoji: reaction.emoji, count: reaction.people.count, mine: me.map(reaction.people.contains) ?? false)
            },
            sentAt: message.sentAt, edited: isText && message.editedAt != nil,
            tick: message.delivery.map(Tick.init), actions: actions(message, isText: isText))
    }

    private func text(_ message: Message) -> Phrase {
        guard case .deleted(let by) = message.content, by != message.sender.id else { return Phrase(message.content) }
        if by == me { return .sentence(Sentence("conversation.deleted_by_you")) }
        return names[by].map { .sentence(Sentence("conversation.deleted_by", .text($0))) } ?? Phrase(message.content)
    }

    private func actions(_ message: Message, isText: Bool) -> [Bubble.Action] {
        switch message.delivery {
        case .refused: return [.retry, .takeBack] + (isText ? [.copy] : [])
        case .waiting: return isText ? [.copy, .takeBack] : []
        case .sent, nil:
            guard isText else { return [] }
            return (mayPost ? [.reply, .react] : []) + [.copy] + (mayPost && message.mine ? [.edit] : [])
                + (mayPost && message.mine || mayDelete ? [.delete] : [])
        }
    }

    private func line(_ change: Change) -> ChangeLine {
        ChangeLine(
            id: change.id, sentence: Sentence(change, me: me), at: change.at, tick: change.delivery.map(Tick.init),
            isWarning: [.fork, .gap, .putBack].contains(change.what))
    }
}

extension QuoteLine {
    init(_ quote: Quote) {
        entry = quote.entry
        author = quote.sender?.name
        text = quote.sender == nil || quote.text.isEmpty ? .sentence(Sentence("conversation.quote_gone")) : .text(quote.text)
    }

    init(_ bubble: Bubble) {
        self.init(entry: bubble.id, author: bubble.author.name, text: bubble.text)
    }
}

extension Bubble {
    /// One author's within ten minutes stand together.
    func goes(with next: Bubble) -> Bool {
        person == next.person && abs(next.sentAt.timeIntervalSince(sentAt)) < 600
    }
}

extension TimelineItem {
    /// When, as it is shown.
    var at: Date {
        switch self {
        case .said(let message): message.sentAt
        case .changed(let change): change.at
        }
    }
}
