import Foundation
import Observation
import Pli

/// The device of this app: opens it, or says that there is none; stops and resumes with the app; knows what to do about
/// each piece of the core's advice. All calls into the core are made away from the main thread, in the order asked for.
@MainActor @Observable final class Session {
    /// What the app shows.
    enum Stage: Equatable {
        /// The first moments: the list's frame, and nothing in it yet.
        case opening
        /// No device: an invitation is needed. What is said of the last one, if there was one.
        case welcome(Sentence?)
        case open(Client)
        /// It can't be opened now, and is tried again when the app comes to the front, or by a tap.
        case waiting(Sentence)

        static func == (one: Self, other: Self) -> Bool {
            switch (one, other) {
            case (.opening, .opening): true
            case (.welcome(let one), .welcome(let other)): one == other
            case (.open(let one), .open(let other)): one === other
            case (.waiting(let one), .waiting(let other)): one == other
            default: false
            }
        }
    }

    private(set) var stage = Stage.opening
    /// Chosen settings; saved whenever they change.
    private(set) var settings = Settings()
    /// The conversation on the screen: no notification tells of it.
    var showing: ConversationId?

    private let home: Home
    private let present: @MainActor (Notice) -> Void
    private var last: Task<Void, Never>?
    private var watching: Task<Void, Never>?
    private var telling: Task<Void, Never>?
    private var isSuspended = false
    private var knowsSettings = false

    /// `present` shows a notification, while the app is open.
    init(home: Home, present: @escaping @MainActor (Notice) -> Void = { _ in }) {
        self.home = home
        self.present = present
    }

    var client: Client? { if case .open(let client) = stage { client } else { nil } }

    /// Opens the device, if there is one.
    func start() async { await inOrder { await self.open() } }

    /// Makes a device by an invitation. One that was here before is left alone until the new one is in, then forgotten.
    func join(_ link: String) async throws {
        let old = settings.device
        // The first device, or one whose joining was cut short, goes where the settings say.
        let next = await home.has(device: old) ? old + 1 : old
        let (home, before) = (home, client)
        let client = try await home.join(link, device: next)
        settings.device = next
        await save()
        show(client)
        if isSuspended { await suspend() }
        if next != old {
            await elsewhere { before?.close() }
            await home.forget(device: old)
        }
    }

    /// The app comes to the front.
    func resume() async {
        await inOrder {
            self.isSuspended = false
            guard let client = self.client else { return await self.open() }
            do {
                try await elsewhere { try client.resume() }
                client.networkChanged()
                self.tellOf(client)
            } catch {
                await self.reopen()
            }
        }
    }

    /// The app goes behind: when this returns, no file is locked and no connection open.
    func suspend() async {
        await inOrder {
            self.isSuspended = true
            self.telling?.cancel()
            await Writes.done()
            guard let client = self.client else { return }
            do {
                try await elsewhere { try client.suspend() }
            } catch {
                await elsewhere { client.close() }
            }
        }
    }

    /// The system gives the app some seconds behind: what to tell of.
    func wakeUp(within: Duration) async -> [Notice] {
        var result: SyncResult?
        await inOrder {
            await self.learnSettings()
            guard let client = self.client else {
                result = try? await self.home.wakeUp(device: self.settings.device, within: within)
                return
            }
            if self.isSuspended { try? await elsewhere { try client.resume() } }
            result = try? await client.sync(within: within)
            if self.isSuspended { try? await elsewhere { try client.suspend() } }
        }
        return result?.notifications.compactMap { Notice($0, by: settings, showing: nil) } ?? []
    }

    func change(_ change: (inout Settings) -> Void) {
        change(&settings)
        Task { await save() }
    }

    /// Takes up again what could not be opened.
    func retry() async { await inOrder { await self.open() } }

    private func save() async {
        let (home, settings) = (home, settings)
        await inOrder { await home.save(settings) }
    }

    private func learnSettings() async {
        guard !knowsSettings else { return }
        settings = await home.settings()
        knowsSettings = true
    }

    private func open() async {
        await learnSettings()
        guard client == nil, !isSuspended else { return }
        do {
            show(try await home.open(device: settings.device))
        } catch let error as PliError {
            heed(error)
        } catch {
            stage = .waiting(Sentence(error))
        }
    }

    private func heed(_ error: PliError) {
        switch error.advice() {
        case .reEnrol: stage = .welcome(error == .NotEnrolled ? nil : Sentence(error))
        case .ask, .update, .reopen: stage = .waiting(Sentence(error))
        case .retry:
            // A background sync lets go in a moment: not worth a word.
            if error != .StoreInUse { stage = .waiting(Sentence(error)) }
            Task {
                try? await Task.sleep(for: .seconds(1))
                await retry()
            }
        }
    }

    private func reopen() async {
        watching?.cancel()
        telling?.cancel()
        if let client { await elsewhere { client.close() } }
        stage = .opening
        await open()
    }

    private func show(_ client: Client) {
        stage = .open(client)
        watching?.cancel()
        watching = Task { [weak self] in
            await follow(client.state) { state in
                if state == .stopped(advice: .reopen) { self?.reopenSoon(client) }
            }
        }
        tellOf(client)
    }

    /// Tells of messages while the app is in front. Behind, a wake-up does.
    private func tellOf(_ client: Client) {
        telling?.cancel()
        telling = Task { [weak self] in await follow(client.notices) { self?.tell($0) } }
    }

    /// By itself, and not at once: a defect that comes back is not to spin.
    private func reopenSoon(_ stopped: Client) {
        Task {
            try? await Task.sleep(for: .seconds(1))
            await inOrder { if self.client === stopped, !self.isSuspended { await self.reopen() } }
        }
    }

    private func tell(_ message: MessageNotice) {
        if let notice = Notice(message, by: settings, showing: showing) { present(notice) }
    }

    /// Does one thing after the other, whoever asks: going behind and coming back may be quicker than the core.
    private func inOrder(_ work: @escaping @MainActor () async -> Void) async {
        let before = last
        let task = Task {
            await before?.value
            await work()
        }
        last = task
        await task.value
    }
}

/// Runs a call that blocks for a moment away from the main thread.
func elsewhere<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async rethrows -> Value { try work() }
