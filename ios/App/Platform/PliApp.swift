import BackgroundTasks
import Pli
import SwiftUI

/// The app: follows the phone's life, and passes it on to the session.
@main struct PliApp: App {
    @State private var session: Session
    @State private var router: Router
    @State private var notifications: Notifications
    @Environment(\.scenePhase) private var phase

    private static let refresh = "fr.pli.refresh"

    init() {
        let router = Router()
        let notifications = Notifications { router.open($0, at: $1) }
        let session = Session(home: .phone) { notice in notifications.show(notice) }
        _router = State(wrappedValue: router)
        _notifications = State(wrappedValue: notifications)
        _session = State(wrappedValue: session)
    }

    var body: some Scene {
        WindowGroup {
            let words = Words(language: session.settings.language)
            RootView(session: session, router: router)
                .environment(\.words, words)
                .environment(\.locale, words.locale)
                .preferredColorScheme(session.settings.appearance.scheme)
                // What the app switcher shows of it.
                .overlay { if phase != .active { CoverView() } }
                .task { await session.start() }
                // Not before there is something to be told of.
                .onChange(of: session.client == nil) { _, isNone in if !isNone { notifications.ask(session.settings) } }
                .onChange(of: session.settings) { _, settings in notifications.ask(settings) }
        }
        .onChange(of: phase) { _, phase in
            switch phase {
            case .active: Task { await session.resume() }
            case .background:
                Background.run { await session.suspend() }
                Self.schedule()
            default: break
            }
        }
        .backgroundTask(.appRefresh(Self.refresh)) {
            await Self.schedule()
            await notifications.show(await session.wakeUp(within: .seconds(20)))
        }
    }

    /// The system chooses when; no sooner than this.
    private static func schedule() {
        let request = BGAppRefreshTaskRequest(identifier: refresh)
        request.earliestBeginDate = Date(timeIntervalSinceNow: 15 * 60)
        try? BGTaskScheduler.shared.submit(request)
    }
}

/// Asks the system for the moments that letting go takes.
@MainActor final class Background {
    private var id = UIBackgroundTaskIdentifier.invalid

    static func run(_ work: @escaping @MainActor () async -> Void) {
        let moments = Background()
        moments.id = UIApplication.shared.beginBackgroundTask { moments.end() }
        Task {
            await work()
            moments.end()
        }
    }

    private func end() {
        guard id != .invalid else { return }
        UIApplication.shared.endBackgroundTask(id)
        id = .invalid
    }
}

extension Home {
    /// In the app's own folder: readable after the first unlock, so that a background refresh works, and in no backup.
    static let phone: Home = {
        let support = FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0]
        var folder = support.appendingPathComponent("Pli", isDirectory: true)
        try? FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true,
            attributes: [.protectionKey: FileProtectionType.completeUntilFirstUserAuthentication])
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try? folder.setResourceValues(values)
        return Home(folder: folder) { Keychain(account: "device-\($0)") }
    }()
}

extension Settings.Appearance {
    var scheme: ColorScheme? {
        switch self {
        case .system: nil
        case .light: .light
        case .dark: .dark
        }
    }
}

/// What the app switcher shows: nothing of what was said.
struct CoverView: View {
    var body: some View {
        ZStack {
            Color.page
            LogoView()
        }
        .ignoresSafeArea()
    }
}
