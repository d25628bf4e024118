import SwiftUI

/// Measures: a grid of four points.
enum Gap {
    static let tiny = 2.0
    static let small = 4.0
    static let medium = 8.0
    static let large = 12.0
    static let edge = 16.0
    static let wide = 24.0
    /// The least that a finger meets.
    static let target = 44.0
}

/// Initials on the colour of a person or group. Names stand beside: nothing is read aloud.
struct AvatarView: View {
    let avatar: Avatar
    @ScaledMetric private var size: CGFloat

    init(_ avatar: Avatar, size: CGFloat = 44) {
        self.avatar = avatar
        _size = ScaledMetric(wrappedValue: size, relativeTo: .body)
    }

    var body: some View {
        Text(verbatim: avatar.initials)
            .font(.system(size: size * 0.4, weight: .semibold))
            .lineLimit(1)
            .minimumScaleFactor(0.5)
            .foregroundStyle(Color.white)
            .frame(width: size, height: size)
            .background(Color(rgb: Theme.people[avatar.colour % Theme.people.count]), in: Circle())
            .accessibilityHidden(true)
    }
}

extension Color {
    /// Eight bits each of red, green and blue.
    init(rgb: UInt32) {
        self.init(
            red: Double(rgb >> 16 & 0xFF) / 255, green: Double(rgb >> 8 & 0xFF) / 255, blue: Double(rgb & 0xFF) / 255)
    }
}

/// One or a few lines that the person should know, with at most one action.
struct NoticeView: View {
    let text: String
    var symbol = "info.circle"
    var isWorking = false
    var action: String?
    var onAction: @MainActor () -> Void = {}

    var body: some View {
        VStack(alignment: .leading, spacing: Gap.medium) {
            HStack(alignment: .firstTextBaseline, spacing: Gap.medium) {
                if isWorking {
                    ProgressView().accessibilityHidden(true)
                } else {
                    Image(systemName: symbol).accessibilityHidden(true)
                }
                Text(verbatim: text).frame(maxWidth: .infinity, alignment: .leading)
            }
            .accessibilityElement(children: .combine)
            if let action {
                Button(action, action: onAction).frame(minHeight: Gap.target).buttonStyle(.borderless)
            }
        }
        .font(.subheadline)
        .padding(.horizontal, Gap.edge)
        .padding(.vertical, Gap.medium)
        .background(Color.raised)
    }
}

/// A line over the screen about the connection or the device.
struct BannerView: View {
    let banner: Banner
    var onAction: @MainActor () -> Void = {}
    @Environment(\.words) private var words

    var body: some View {
        NoticeView(
            text: words(banner.sentence), symbol: banner.action == nil ? "wifi.slash" : "exclamationmark.triangle",
            isWorking: banner.isWorking, action: banner.action == nil ? nil : words("conversations.join_again"),
            onAction: onAction)
    }
}

/// What stands where a list has nothing yet.
struct NothingView: View {
    let symbol: String
    let title: String
    var how: String?

    var body: some View {
        VStack(spacing: Gap.medium) {
            Image(systemName: symbol).font(.largeTitle).foregroundStyle(.secondary).accessibilityHidden(true)
            Text(verbatim: title).font(.headline)
            if let how { Text(verbatim: how).font(.subheadline).foregroundStyle(.secondary) }
        }
        .multilineTextAlignment(.center)
        .padding(Gap.wide)
        .frame(maxWidth: 420)
        .accessibilityElement(children: .combine)
    }
}

/// A person or group with what is said beside the name.
struct PersonLine: View {
    let avatar: Avatar
    var detail: String?
    var mark: String?

    var body: some View {
        HStack(spacing: Gap.large) {
            AvatarView(avatar)
            VStack(alignment: .leading, spacing: Gap.tiny) {
                Text(verbatim: avatar.name).font(.body)
                if let detail, !detail.isEmpty { Text(verbatim: detail).font(.subheadline).foregroundStyle(.secondary) }
            }
            Spacer(minLength: Gap.medium)
            if let mark { Text(verbatim: mark).font(.subheadline).foregroundStyle(.secondary) }
        }
        .accessibilityElement(children: .combine)
    }
}

extension View {
    /// Says what went wrong, until it was read.
    func telling(_ problem: Sentence?, told: @escaping @MainActor () -> Void) -> some View {
        modifier(Telling(problem: problem, told: told))
    }
}

private struct Telling: ViewModifier {
    let problem: Sentence?
    let told: @MainActor () -> Void
    @Environment(\.words) private var words

    func body(content: Content) -> some View {
        content.alert(
            problem.map { words($0) } ?? "", isPresented: Binding(get: { problem != nil }, set: { if !$0 { told() } })
        ) {
            Button(words("app.ok"), role: .cancel) { told() }
        }
    }
}
