import Foundation
import UIKit
import UniformTypeIdentifiers

/// What is copied stays on this phone, and is gone after a while.
@MainActor enum Clipboard {
    private static let lifetime: TimeInterval = 120

    static func copy(_ text: String) {
        UIPasteboard.general.setItems(
            [[UTType.utf8PlainText.identifier: text]],
            options: [.localOnly: true, .expirationDate: Date().addingTimeInterval(lifetime)])
    }
}
