package pli

import java.io.File
import java.time.Duration
import kotlinx.coroutines.flow.Flow
import pli.internal.ConversationStream
import pli.internal.DeviceStream
import pli.internal.MessageStream
import pli.internal.NoticeStream
import pli.internal.PeopleStream
import pli.internal.PersonStream
import pli.internal.RawClient
import pli.internal.StateStream
import pli.internal.WarningStream

/**
 * A device of the organisation's, open. Everything may be called from any thread and any dispatcher; nothing blocks but
 * [suspend], [resume] and [close], which take a moment.
 *
 * Calls throw [PliException], whose `advice()` says what to do. Streams are what *is*: they begin with what is on disk,
 * never throw, and end when the client is closed.
 */
class Client private constructor(internal val raw: RawClient) : AutoCloseable {
    /** What the client is doing. */
    val state: Flow<ClientState> = pulled(raw::states, StateStream::next, StateStream::stop)

    /** The conversation list, the last active first. */
    val conversations: Flow<List<ConversationInfo>> =
        listed(raw::conversations, ConversationStream::next, ConversationStream::stop) {
            splice(it.at, it.removed, it.inserted)
        }

    /**
     * Every message of every conversation, in order, from where the last run stopped: for bots. Asking for the next says
     * that the last was handled: a crash repeats one message, and loses none. One collector at a time.
     */
    val messages: Flow<Message> = pulled(raw::messages, MessageStream::next, MessageStream::stop)

    /**
     * Every message that the person wants to be told of, once: not in muted conversations, nor what was read already.
     * Begins with what came since the last run or [sync]; asking for the next says that the last was shown. One collector
     * at a time.
     */
    val notices: Flow<MessageNotice> = pulled(raw::notices, NoticeStream::next, NoticeStream::stop)

    /** What the person should know of, while the client goes on; mostly nothing. */
    val warnings: Flow<List<Warning>> = pulled(raw::warnings, WarningStream::next, WarningStream::stop)

    /**
     * The own person's devices, oldest first. The server is asked, if it can be reached, on which days they were last
     * seen; of all else it tells by itself.
     */
    val devices: Flow<List<DeviceInfo>> =
        listed(raw::devices, DeviceStream::next, DeviceStream::stop) { splice(it.at, it.removed, it.inserted) }

    /** The people whose name or department contains each word of [query]; all for an empty one. */
    fun directory(query: String = ""): Flow<List<Person>> =
        listed({ raw.directory(query) }, PeopleStream::next, PeopleStream::stop) { splice(it.at, it.removed, it.inserted) }

    /** What a screen shows of a person. */
    fun personInfo(id: PersonId): Flow<PersonInfo> =
        pulled({ raw.personInfos(id) }, PersonStream::next, PersonStream::stop)

    /** A handle on a conversation: no I/O, nothing to close. */
    fun conversation(id: ConversationId) = Conversation(id, raw.conversation(id))

    /** The conversation list as it is now. */
    suspend fun conversationList(): List<ConversationInfo> = raw.conversationList()

    /** The own person. */
    suspend fun me(): Person = raw.me()

    /** Somebody whom the directory knows. */
    suspend fun person(id: PersonId): Person = raw.person(id)

    /** The organisation's name. */
    suspend fun organisation(): String = raw.organisation()

    /** The people of [directory] as they are now. */
    suspend fun people(query: String = ""): List<Person> = raw.people(query)

    /** Makes a group with these people, of which the own person is the owner. */
    suspend fun createGroup(name: String, people: List<PersonId>): Conversation =
        conversation(raw.createGroup(name, people))

    /** The conversation with one other person. Nothing is sent before something is said. */
    suspend fun pair(person: PersonId): Conversation = conversation(raw.pair(person))

    /** The own person's devices as they are now. */
    suspend fun deviceList(): List<DeviceInfo> = raw.deviceList()

    /** Lets a further device of the own person into every conversation, after [number] was compared on both. */
    suspend fun approve(device: DeviceId, number: String) = raw.approve(device, number)

    /** Revokes a device of the own person, such as a lost phone: it is outside of every conversation. */
    suspend fun revoke(device: DeviceId) = raw.revoke(device)

    /** The number to compare with a person: 60 digits, the same on their screen. */
    suspend fun safetyNumber(person: PersonId): String = raw.safetyNumber(person)

    /** Notes that the number was compared; [verification] says so until it changes. */
    suspend fun verify(person: PersonId) = raw.verify(person)

    /** Whether the number was compared with this person, and is still that. */
    suspend fun verification(person: PersonId): Verification = raw.verification(person)

    /** Bytes that the store takes on this device. */
    suspend fun storageUsed(): ULong = raw.storageUsed()

    /** Waits until all was fetched and sent, but no longer than [within]. */
    suspend fun sync(within: Duration): SyncResult = raw.sync(within)

    /** Try to connect now: the network changed. */
    fun networkChanged() = raw.networkChanged()

    /** Stops all work. When this returns no lock and no socket is held: the process may be frozen. */
    fun suspend() = raw.suspend()

    /** Undoes [suspend]. */
    fun resume() = raw.resume()

    /** Ends the client: streams end, calls throw [PliException.Closed], files and threads are released. */
    override fun close() = raw.end()

    companion object {
        /** Opens the device in [folder]. Never makes one: [PliException.NotEnrolled] if there is none. */
        suspend fun open(folder: File, keys: KeyStore) = Client(RawClient.open(folder.path, keys))

        /** Makes a device in [folder], which has none, by an invitation. If it fails half-way it may be repeated. */
        suspend fun join(folder: File, keys: KeyStore, link: String) = Client(RawClient.join(folder.path, keys, link))

        /** One bounded sync after a wake-up or by a timer. Uses the client that is open on this folder, if there is one. */
        suspend fun wakeUp(folder: File, keys: KeyStore, within: Duration): SyncResult =
            pli.internal.wakeUp(folder.path, keys, within)

        /**
         * Erases the device in [folder], for ever: its key, then its store. For one that is out, before [join] with a new
         * invitation.
         */
        suspend fun forget(folder: File, keys: KeyStore) = pli.internal.forget(folder.path, keys)

        /** The newest lines of the log, at most 1,000, without personal data. */
        fun diagnostics(): List<String> = pli.internal.diagnostics()
    }
}
