import SwiftUI
import UIKit

// The roles of colours, for light and dark, from the one accent of the theme. Whatever the accent is: own bubbles are a
// tone of it that black, or white in the dark, is well read on.
extension Color {
    /// Of actions.
    static let action = Color(uiColor: UIColor { $0.isDark ? accent.mixed(with: .white, 0.6) : accent })
    /// Behind what oneself says.
    static let ownBubble = Color(
        uiColor: UIColor { $0.isDark ? accent.mixed(with: .black, 0.45) : accent.mixed(with: .white, 0.85) })
    /// Behind what others say.
    static let othersBubble = Color(uiColor: .secondarySystemBackground)
    /// Behind notices, quotes, the composer.
    static let raised = Color(uiColor: .tertiarySystemFill)
    static let page = Color(uiColor: .systemBackground)

    private static let accent = UIColor(Color(rgb: Theme.accent))
}

extension UITraitCollection {
    fileprivate var isDark: Bool { userInterfaceStyle == .dark }
}

extension UIColor {
    fileprivate func mixed(with other: UIColor, _ part: CGFloat) -> UIColor {
        var (r, g, b, a) = (CGFloat(0), CGFloat(0), CGFloat(0), CGFloat(0))
        var (x, y, z, w) = (CGFloat(0), CGFloat(0), CGFloat(0), CGFloat(0))
        getRed(&r, green: &g, blue: &b, alpha: &a)
        other.getRed(&x, green: &y, blue: &z, alpha: &w)
        func mix(_ one: CGFloat, _ other: CGFloat) -> CGFloat { one * (1 - part) + other * part }
        return UIColor(red: mix(r, x), green: mix(g, y), blue: mix(b, z), alpha: 1)
    }
}
