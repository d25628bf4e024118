import Foundation
import Pli
import UserNotifications

/// Shows what the session tells of, and leads to it when it is tapped.
@MainActor final class Notifications: NSObject, UNUserNotificationCenterDelegate {
    private let open: @MainActor (ConversationId, ItemId) -> Void
    private var words = Words()

    init(open: @escaping @MainActor (ConversationId, ItemId) -> Void) {
        self.open = open
        super.init()
        UNUserNotificationCenter.current().delegate = self
    }

    /// Asks the person once, if they want to be told of messages.
    func ask(_ settings: Settings) {
        words = Words(language: settings.language)
        guard settings.notifications else { return }
        Task { _ = try? await UNUserNotificationCenter.current().requestAuthorization(options: [.alert, .sound, .badge]) }
    }

    func show(_ notices: [Notice]) { notices.forEach(show) }

    func show(_ notice: Notice) {
        let content = UNMutableNotificationContent()
        content.title = words(notice.title)
        content.body = notice.body ?? ""
        content.sound = .default
        content.threadIdentifier = notice.conversation.text
        content.userInfo = ["conversation": notice.conversation.text, "message": notice.message.text]
        UNUserNotificationCenter.current().add(
            UNNotificationRequest(identifier: notice.message.text, content: content, trigger: nil))
    }

    nonisolated func userNotificationCenter(
        _ center: UNUserNotificationCenter, willPresent notification: UNNotification
    ) async -> UNNotificationPresentationOptions { [.banner, .sound, .list] }

    nonisolated func userNotificationCenter(_ center: UNUserNotificationCenter, didReceive response: UNNotificationResponse) async {
        let told = response.notification.request.content.userInfo
        guard let conversation = told["conversation"] as? String, let message = told["message"] as? String else { return }
        await open(ConversationId(conversation), ItemId(message))
    }
}
