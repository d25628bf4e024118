import Foundation
import Pli
import SwiftUI

/// The whole app: the way in, or the conversations.
struct RootView: View {
    let session: Session
    let router: Router
    @Environment(\.words) private var words

    var body: some View {
        Group {
            switch session.stage {
            case .opening: Color.page
            case .welcome: WelcomeScreen(session: session, onCancel: nil)
            case .open(let client): MainView(session: session, client: client, router: router).id(ObjectIdentifier(client))
            case .waiting(let why):
                VStack(spacing: Gap.large) {
                    NothingView(symbol: "lock", title: words(why))
                    Button(words("app.retry")) { Task { await session.retry() } }.frame(minHeight: Gap.target)
                }
            }
        }
        .onChange(of: session.client.map(ObjectIdentifier.init)) { before, _ in
            if before != nil { router.home() }
        }
        .tint(Color.action)
    }
}

/// The list, and beside or over it a conversation.
struct MainView: View {
    let session: Session
    let client: Client
    @Bindable var router: Router
    @State private var list: ConversationsPresenter
    @Environment(\.words) private var words

    init(session: Session, client: Client, router: Router) {
        self.session = session
        self.client = client
        self.router = router
        _list = State(wrappedValue: ConversationsPresenter(client))
    }

    var body: some View {
        NavigationSplitView {
            ConversationsView(
                state: list.state, events: list, selection: $router.conversation, onNew: { router.sheet = .new },
                onSettings: { router.sheet = .settings }, onJoinAgain: { router.sheet = .join })
        } detail: {
            NavigationStack(path: $router.path) {
                if let id = router.conversation {
                    ConversationScreen(session: session, client: client, id: id, entry: router.entry, router: router)
                        .id(router.entry.map { "\(id) \($0)" } ?? "\(id)")
                        .navigationDestination(for: Router.Place.self) { place in
                            PlaceScreen(place: place, client: client, router: router)
                        }
                } else {
                    NothingView(symbol: "bubble.left.and.bubble.right", title: words("conversations.choose"))
                }
            }
        }
        .sheet(item: $router.sheet) { sheet in SheetScreen(sheet: sheet, session: session, client: client, router: router) }
        .task { await list.run() }
    }
}

/// Each of these holds a screen's presenter as long as the screen is there.
struct WelcomeScreen: View {
    let onCancel: (@MainActor () -> Void)?
    @State private var presenter: WelcomePresenter
    @Environment(\.words) private var words

    init(session: Session, onCancel: (@MainActor () -> Void)?) {
        self.onCancel = onCancel
        _presenter = State(wrappedValue: WelcomePresenter(session))
    }

    var body: some View {
        NavigationStack {
            WelcomeView(state: presenter.state, events: presenter)
                .toolbar {
                    if let onCancel {
                        ToolbarItem(placement: .cancellationAction) { Button(words("app.cancel"), action: onCancel) }
                    }
                }
        }
        .onOpenURL { presenter.linkChanged($0.absoluteString) }
    }
}

struct ConversationScreen: View {
    let session: Session
    let router: Router
    @State private var presenter: ConversationPresenter

    init(session: Session, client: Client, id: ConversationId, entry: ItemId?, router: Router) {
        self.session = session
        self.router = router
        _presenter = State(wrappedValue: ConversationPresenter(client, id, at: entry))
    }

    var body: some View {
        ConversationView(state: presenter.state, events: presenter) {
            let peer = presenter.state.title.peer
            router.path.append(peer.map { .person($0) } ?? .group(presenter.id))
        }
        .task { await presenter.run() }
        .onAppear { session.showing = presenter.id }
        .onDisappear { if session.showing == presenter.id { session.showing = nil } }
    }
}

struct PlaceScreen: View {
    let place: Router.Place
    let client: Client
    let router: Router

    var body: some View {
        switch place {
        case .group(let id): GroupScreen(client: client, id: id, router: router)
        case .person(let id): PersonScreen(client: client, id: id, router: router)
        }
    }
}

struct GroupScreen: View {
    let router: Router
    @State private var presenter: GroupPresenter

    init(client: Client, id: ConversationId, router: Router) {
        self.router = router
        _presenter = State(wrappedValue: GroupPresenter(client, id))
    }

    var body: some View {
        GroupView(
            state: presenter.state, events: presenter, onAdd: { router.sheet = .add(to: presenter.id) },
            onPerson: { router.path.append(.person($0)) }
        )
        .task { await presenter.run() }
        .onChange(of: presenter.state.hasLeft) { _, hasLeft in if hasLeft { router.home() } }
    }
}

struct PersonScreen: View {
    let router: Router
    @State private var presenter: PersonPresenter

    init(client: Client, id: PersonId, router: Router) {
        self.router = router
        _presenter = State(wrappedValue: PersonPresenter(client, id))
    }

    var body: some View {
        PersonView(state: presenter.state, events: presenter)
            .task { await presenter.run() }
            .onChange(of: presenter.state.opened) { _, opened in if let opened { router.open(opened) } }
    }
}

struct SheetScreen: View {
    let sheet: Router.Sheet
    let session: Session
    let client: Client
    let router: Router

    var body: some View {
        switch sheet {
        case .new: NewConversationScreen(client: client, group: nil, router: router)
        case .add(let group): NewConversationScreen(client: client, group: group, router: router)
        case .settings: SettingsScreen(session: session, client: client, onDone: { router.sheet = nil })
        case .join: WelcomeScreen(session: session, onCancel: { router.sheet = nil })
        }
    }
}

struct NewConversationScreen: View {
    let router: Router
    @State private var presenter: NewConversationPresenter

    init(client: Client, group: ConversationId?, router: Router) {
        self.router = router
        _presenter = State(wrappedValue: NewConversationPresenter(client, group: group))
    }

    var body: some View {
        NavigationStack {
            NewConversationView(state: presenter.state, events: presenter, onCancel: { router.sheet = nil })
        }
        .task { await presenter.run() }
        .onChange(of: presenter.state.isDone) { _, isDone in
            guard isDone else { return }
            if let opened = presenter.state.opened { router.open(opened) } else { router.sheet = nil }
        }
    }
}

struct SettingsScreen: View {
    let client: Client
    let onDone: @MainActor () -> Void
    @State private var presenter: SettingsPresenter
    @State private var licences = Licences()

    init(session: Session, client: Client, onDone: @escaping @MainActor () -> Void) {
        self.client = client
        self.onDone = onDone
        let version = Bundle.main.infoDictionary?["CFBundleShortVersionString"] as? String
        _presenter = State(wrappedValue: SettingsPresenter(session, version: version ?? ""))
    }

    var body: some View {
        NavigationStack {
            SettingsView(state: presenter.state, events: presenter, onDone: onDone)
                .navigationDestination(for: SettingsPlace.self) { place in
                    switch place {
                    case .devices: DevicesScreen(client: client)
                    case .licences: LicencesView(licences: licences)
                    }
                }
        }
        .task { await presenter.run() }
        .task { licences = await Licences.load(from: Bundle.main.url(forResource: "licences", withExtension: "json")) }
    }
}

struct DevicesScreen: View {
    @State private var presenter: DevicesPresenter

    init(client: Client) { _presenter = State(wrappedValue: DevicesPresenter(client)) }

    var body: some View {
        DevicesView(state: presenter.state, events: presenter).task { await presenter.run() }
    }
}
