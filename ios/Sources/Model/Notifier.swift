import Pli

/// What a notification says. The platform shows it: see App/Notifications.swift.
struct Notice: Equatable, Sendable {
    /// Shown once, however often it is told.
    let message: ItemId
    /// Those of one conversation belong together.
    let conversation: ConversationId
    let title: Phrase
    /// Absent where what was said is hidden.
    let body: String?
}

extension Notice {
    /// Nothing if the person wants no notifications, or reads that conversation right now. Who wrote and what: only if
    /// the person chose so.
    init?(_ notice: MessageNotice, by settings: Settings, showing: ConversationId?) {
        guard settings.notifications, notice.conversation != showing else { return nil }
        message = notice.message
        conversation = notice.conversation
        let isShown = settings.notificationContent
        title = isShown ? .text(notice.sender.name) : .sentence(Sentence("notification.new_message"))
        body = isShown ? notice.preview : nil
    }
}
