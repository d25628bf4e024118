package pli.app

import android.content.Context
import androidx.activity.ComponentActivity
import androidx.activity.compose.LocalActivity
import androidx.compose.runtime.Composable
import androidx.compose.runtime.DisposableEffect
import androidx.compose.runtime.getValue
import androidx.compose.runtime.produceState
import androidx.compose.runtime.remember
import androidx.compose.ui.platform.LocalContext
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.LifecycleEventObserver
import androidx.lifecycle.SavedStateHandle
import androidx.lifecycle.ViewModel
import androidx.lifecycle.ViewModelProvider
import androidx.lifecycle.compose.LocalLifecycleOwner
import androidx.lifecycle.compose.collectAsStateWithLifecycle
import androidx.lifecycle.createSavedStateHandle
import androidx.lifecycle.viewmodel.initializer
import androidx.lifecycle.viewmodel.viewModelFactory
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import pli.ConversationId
import pli.PersonId
import pli.app.notify.AskOnce
import pli.app.notify.rememberAsking
import pli.app.screens.conversation.ConversationEvents
import pli.app.screens.conversation.ConversationPresenter
import pli.app.screens.conversation.ConversationView
import pli.app.screens.conversations.ConversationsEvents
import pli.app.screens.conversations.ConversationsPresenter
import pli.app.screens.conversations.ConversationsView
import pli.app.screens.devices.DevicesPresenter
import pli.app.screens.devices.DevicesView
import pli.app.screens.group.GroupEvents
import pli.app.screens.group.GroupPresenter
import pli.app.screens.group.GroupView
import pli.app.screens.newconversation.NewConversationEvents
import pli.app.screens.newconversation.NewConversationPresenter
import pli.app.screens.newconversation.NewConversationView
import pli.app.screens.person.PersonPresenter
import pli.app.screens.person.PersonView
import pli.app.screens.settings.Licence
import pli.app.screens.settings.LicencesView
import pli.app.screens.settings.SettingsEvents
import pli.app.screens.settings.SettingsPresenter
import pli.app.screens.settings.SettingsView
import pli.app.screens.settings.licences
import pli.app.screens.welcome.WelcomePresenter
import pli.app.screens.welcome.WelcomeView
import pli.app.session.Session
import pli.app.session.Settings
import pli.app.ui.Scan
import pli.app.ui.tellLanguage

/** Joins each place's presenter and view. */
class Screens(private val session: Session, private val settings: Settings, private val go: Navigator) {
    /** A place; [beside] is whether the list stands beside it. */
    @Composable
    fun Show(entry: Entry, beside: Boolean, stack: List<Entry>) {
        val back = go::back.takeIf { !beside || stack.size > 2 || entry.place !is Place.Conversation }
        when (val place = entry.place) {
            Place.Conversations -> Conversations(entry, (stack.getOrNull(1)?.place as? Place.Conversation)?.id.takeIf { beside })
            is Place.Conversation -> Conversation(entry, place, back)
            Place.Join -> Join(entry)
            Place.NewConversation -> People(entry, null, back)
            is Place.AddPeople -> People(entry, place.to, back)
            is Place.Group -> Group(entry, place.id, back)
            is Place.Person -> Person(entry, place.id, back)
            Place.Devices -> Devices(entry, back)
            Place.Settings -> Choices(entry, back)
            Place.Licences -> LicencesView(made(), back)
        }
    }

    @Composable
    fun Welcome(link: String) = Join(Entry(0, Place.Join), link, null)

    @Composable
    private fun Join(entry: Entry, link: String = go.link.value, back: (() -> Unit)? = { go.link(""); go.back() }) {
        val presenter = presenter(entry, link) { saved -> WelcomePresenter(session, saved, link) { go.link(""); go.home() } }
        val state by presenter.state.collectAsStateWithLifecycle()
        WelcomeView(state, presenter::linkChanged, presenter::join, back) {
            Scan { text -> if (text == null) presenter.noCode() else presenter.linkChanged(text) }
        }
    }

    @Composable
    private fun Conversations(entry: Entry, open: ConversationId?) {
        AskOnce(settings)
        val presenter = presenter(entry) { ConversationsPresenter(session) { go.begin(Place.Conversation(it)) } }
        val state by presenter.state.collectAsStateWithLifecycle()
        val events = remember(presenter) {
            ConversationsEvents(
                presenter::open, { presenter.mute(it) }, { presenter.unmute(it) },
                { go.open(Place.NewConversation) }, { go.open(Place.Settings) }, { go.open(Place.Join) }, presenter::told,
            )
        }
        ConversationsView(state, events, open)
    }

    @Composable
    private fun Conversation(entry: Entry, place: Place.Conversation, back: (() -> Unit)?) {
        val presenter = presenter(entry) { saved -> ConversationPresenter(session, saved, go.saved, place.id, place.at) }
        val state by presenter.state.collectAsStateWithLifecycle()
        val other = state.other
        val events = remember(presenter, other) {
            ConversationEvents(
                draft = presenter::draftChanged,
                send = presenter::send,
                reply = presenter::reply,
                edit = presenter::edit,
                cancel = presenter::cancel,
                delete = { presenter.delete(it) },
                react = { message, emoji -> presenter.react(message, emoji) },
                retry = { presenter.retry(it) },
                jump = { presenter.jump(it) },
                older = { presenter.older() },
                newer = { presenter.newer() },
                newest = { presenter.newest() },
                seen = presenter::seen,
                stands = presenter::stands,
                details = { go.open(if (other != null) Place.Person(other) else Place.Group(place.id)) },
                person = { go.open(Place.Person(it)) },
                join = { go.open(Place.Join) },
                told = presenter::told,
            )
        }
        val notifier = (LocalContext.current.applicationContext as App).notifier
        Visible(
            { notifier.shown = place.id },
            {
                presenter.left()
                if (notifier.shown == place.id) notifier.shown = null
            },
        )
        ConversationView(state, events, back)
    }

    @Composable
    private fun People(entry: Entry, to: ConversationId?, back: (() -> Unit)?) {
        val presenter = presenter(entry) { saved ->
            NewConversationPresenter(session, saved, to) { if (to == null) go.begin(Place.Conversation(it)) else go.back() }
        }
        val state by presenter.state.collectAsStateWithLifecycle()
        val events = remember(presenter) {
            NewConversationEvents(presenter::queryChanged, presenter::choose, presenter::nameChanged, presenter::start, presenter::told)
        }
        NewConversationView(state, events, back)
    }

    @Composable
    private fun Group(entry: Entry, id: ConversationId, back: (() -> Unit)?) {
        val presenter = presenter(entry) { GroupPresenter(session, id) }
        val state by presenter.state.collectAsStateWithLifecycle()
        val events = remember(presenter) {
            GroupEvents(
                rename = { presenter.rename(it) },
                topic = { presenter.topic(it) },
                add = { go.open(Place.AddPeople(id)) },
                remove = { presenter.remove(it) },
                role = { person, role -> presenter.setRole(person, role) },
                least = { permission, role -> presenter.setLeastRole(permission, role) },
                lifetime = { presenter.setLifetime(it) },
                mute = { presenter.mute(it) },
                leave = { presenter.leave() },
                person = { go.open(Place.Person(it)) },
                told = presenter::told,
            )
        }
        GroupView(state, events, back)
    }

    @Composable
    private fun Person(entry: Entry, id: PersonId, back: (() -> Unit)?) {
        val presenter = presenter(entry) { PersonPresenter(session, id) { go.begin(Place.Conversation(it)) } }
        val state by presenter.state.collectAsStateWithLifecycle()
        PersonView(state, { presenter.write() }, { presenter.verify() }, presenter::told, back) { Scan(presenter::scanned) }
    }

    @Composable
    private fun Devices(entry: Entry, back: (() -> Unit)?) {
        val presenter = presenter(entry) { DevicesPresenter(session) }
        val state by presenter.state.collectAsStateWithLifecycle()
        DevicesView(state, { device, number -> presenter.approve(device, number) }, { presenter.revoke(it) }, presenter::told, back)
    }

    @Composable
    private fun Choices(entry: Entry, back: (() -> Unit)?) {
        val context = LocalContext.current
        val presenter = presenter(entry) { SettingsPresenter(session, settings, version(context)) }
        val state by presenter.state.collectAsStateWithLifecycle()
        val ask = rememberAsking()
        val events = remember(presenter) {
            SettingsEvents(
                presenter::appearance,
                {
                    presenter.language(it)
                    context.tellLanguage(it)
                },
                {
                    if (it) ask()
                    presenter.notifications(it)
                },
                presenter::content, presenter::background, presenter::screenshots,
                { go.open(Place.Devices) }, { go.open(Place.Licences) },
            )
        }
        SettingsView(state, events, back)
    }

    /** The presenter of a place, as long as that is in the back stack. */
    @Composable
    private inline fun <reified P : ViewModel> presenter(entry: Entry, key: String = "", crossinline make: (SavedStateHandle) -> P): P {
        val activity = LocalActivity.current as ComponentActivity
        return remember(entry.key, key) {
            val factory = viewModelFactory { initializer { make(createSavedStateHandle()) } }
            ViewModelProvider.create(go.store(entry), factory, activity.defaultViewModelCreationExtras)[entry.key + key, P::class]
        }
    }
}

/** Says when this comes to be seen and ceases to be. */
@Composable
private fun Visible(shown: () -> Unit, gone: () -> Unit) {
    val owner = LocalLifecycleOwner.current
    DisposableEffect(owner) {
        val observer = LifecycleEventObserver { _, event ->
            if (event == Lifecycle.Event.ON_RESUME) shown()
            if (event == Lifecycle.Event.ON_PAUSE) gone()
        }
        owner.lifecycle.addObserver(observer)
        onDispose {
            owner.lifecycle.removeObserver(observer)
            gone()
        }
    }
}

private fun version(context: Context): String = context.packageManager.getPackageInfo(context.packageName, 0).versionName.orEmpty()

@Composable
private fun made(): List<Licence> {
    val assets = LocalContext.current.assets
    val made by produceState(emptyList<Licence>()) {
        value = withContext(Dispatchers.IO) { assets.open("licences.json").bufferedReader().use { licences(it.readText()) } }
    }
    return made
}
