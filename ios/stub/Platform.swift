// What App/Platform declares for the views. Its own files need Apple's frameworks and are only parsed here.
import SwiftUI

extension Color {
    static let action = Color.primary, ownBubble = Color.primary, othersBubble = Color.primary, raised = Color.primary
    static let page = Color.primary
}

@MainActor enum Clipboard { static func copy(_ text: String) {} }

struct CodeView: View {
    let text: String
    let label: String
    var body: some View { EmptyView() }
}

struct ScannerView: View {
    @MainActor static var isAvailable: Bool { false }
    let found: @MainActor (String) -> Void
    init(found: @escaping @MainActor (String) -> Void) { self.found = found }
    var body: some View { EmptyView() }
}

extension View {
    func privateTyping(isProse: Bool = false) -> some View { self }
}
