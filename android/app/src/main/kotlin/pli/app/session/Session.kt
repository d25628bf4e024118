package pli.app.session

import java.io.File
import java.time.Duration
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.firstOrNull
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import pli.Advice
import pli.Client
import pli.ClientState
import pli.KeyStore
import pli.PliException
import pli.SyncResult
import pli.app.ui.Sentence

/** Whether there is a device on this phone. */
sealed interface Device {
    /** It is being opened. */
    data object Opening : Device

    /** There is none, or none that can be read: an invitation is needed. */
    data class None(val problem: Sentence? = null) : Device

    /** There is one, and it can't be had now. */
    data class Shut(val problem: Sentence) : Device

    data class Open(val client: Client) : Device
}

/**
 * The device on this phone, open for as long as the process lives. Everything here works away from the main thread, and
 * one thing after the other: what the phone says of the app's being seen or not takes effect in that order.
 */
class Session(private val folder: File, private val keys: (String) -> KeyStore, val scope: CoroutineScope) {
    private val now = MutableStateFlow<Device>(Device.Opening)
    val device: StateFlow<Device> = now.asStateFlow()

    private val turn = Mutex()
    private val line = Dispatchers.IO.limitedParallelism(1)
    private var opening: Job? = null

    @Volatile
    private var waking: Job? = null
    private var watching: Job? = null

    /** Why the device is to be at work: it is seen, or connected by the person's choice. Nothing: suspended. */
    private val reasons = HashSet<Any>()
    private var suspended = false

    /** Opens the device, if that was not done yet. */
    fun open() {
        synchronized(this) {
            // A wake-up of before has the store: what it would have fetched comes now.
            waking?.cancel()
            if (opening == null) opening = work { if (now.value !is Device.Open) openNow() }
        }
    }

    /** Tries again what could not be opened. */
    fun again() {
        work { if (now.value !is Device.Open && now.value !is Device.None) openNow() }
    }

    /** The client, once it is open. */
    suspend fun client(): Client = now.filterIsInstance<Device.Open>().first().client

    /** Makes a device by an invitation; in place of the one that is here, if there is one. */
    suspend fun join(link: String) = withContext(line) {
        turn.withLock {
            val last = places().lastOrNull()
            // What an earlier try left unfinished is gone on with: its invitation is spent for it.
            val place = if (last != null && !enrolled(last)) last else Place((last?.number ?: 0) + 1)
            val client = Client.join(place.folder, place.keys(), link)
            (now.value as? Device.Open)?.client?.close()
            places().filter { it.number != place.number }.forEach { it.erase() }
            began(client)
        }
    }

    /** To be at work, for this reason. */
    fun resume(reason: Any): Job = work {
        reasons += reason
        if (suspended) {
            suspended = false
            (now.value as? Device.Open)?.client?.let { attempt { it.resume() } }
        }
    }

    /** No longer for this reason. Without any, the store is let go: the phone may freeze the process. */
    fun suspend(reason: Any): Job = work {
        reasons -= reason
        if (reasons.isEmpty() && !suspended) {
            suspended = true
            (now.value as? Device.Open)?.client?.let { attempt { it.suspend() } }
        }
    }

    /** One bounded sync, by a timer, whether the app is seen or not; null if there is no device. */
    suspend fun wakeUp(within: Duration): SyncResult? {
        val reason = Any()
        val resumed = resume(reason)
        return try {
            resumed.join()
            withContext(Dispatchers.IO) {
                val sync = async { syncNow(within) }
                waking = sync
                sync.await()
            }
        } finally {
            suspend(reason)
        }
    }

    private suspend fun syncNow(within: Duration): SyncResult? = places().reversed().firstNotNullOfOrNull { place ->
        try {
            Client.wakeUp(place.folder, place.keys(), within)
        } catch (_: PliException.NotEnrolled) {
            null
        }
    }

    /** What a screen leaves behind, before the store is let go: in its turn, and in the session's time. */
    fun leave(doing: suspend (Client) -> Unit): Job = work { (now.value as? Device.Open)?.client?.let { doing(it) } }

    fun networkChanged() = work { (now.value as? Device.Open)?.client?.let { if (!suspended) it.networkChanged() } }

    private fun work(doing: suspend () -> Unit): Job = scope.launch(line) { turn.withLock { doing() } }

    private suspend fun openNow() {
        if (now.value !is Device.Shut) now.value = Device.Opening
        try {
            val client = places().reversed().firstNotNullOfOrNull { place ->
                try {
                    Client.open(place.folder, place.keys())
                } catch (_: PliException.NotEnrolled) {
                    null
                }
            }
            if (client == null) now.value = Device.None() else began(client)
        } catch (problem: PliException) {
            when (problem.advice()) {
                Advice.RE_ENROL -> now.value = Device.None(problem.sentence())
                Advice.RETRY -> {
                    // A wake-up lets it go in a moment: not worth a word.
                    if (problem !is PliException.StoreInUse) now.value = Device.Shut(problem.sentence())
                    scope.launch {
                        delay(AGAIN_MS)
                        again()
                    }
                }
                else -> now.value = Device.Shut(problem.sentence())
            }
        }
    }

    private suspend fun began(client: Client) {
        if (suspended) attempt { client.suspend() }
        now.value = Device.Open(client)
        watching?.cancel()
        watching = scope.launch {
            // Ends without one when the client is closed.
            client.state.firstOrNull { it is ClientState.Stopped && it.advice == Advice.REOPEN } ?: return@launch
            work {
                client.close()
                openNow()
            }
        }
    }

    private inline fun attempt(doing: () -> Unit) = try {
        doing()
    } catch (cancelled: CancellationException) {
        throw cancelled
    } catch (_: PliException) {
        // The client's state tells, and is watched.
    }

    /** Where a device is, or was being made. A further invitation gets a further place, until it has served. */
    private inner class Place(val number: Int) {
        val folder = File(this@Session.folder, "device-$number")
        fun keys() = keys("device-$number")
        fun erase() {
            attempt { keys().erase() }
            folder.deleteRecursively()
        }
    }

    private fun places(): List<Place> = this.folder.list().orEmpty()
        .mapNotNull { it.removePrefix("device-").takeIf { rest -> rest != it }?.toIntOrNull() }
        .sorted().map { Place(it) }

    /** Whether a join ended well there: what can't be opened for another reason counts too. */
    private suspend fun enrolled(place: Place): Boolean =
        try {
            Client.open(place.folder, place.keys()).close()
            true
        } catch (_: PliException.NotEnrolled) {
            false
        } catch (_: PliException) {
            true
        }

    private companion object {
        const val AGAIN_MS = 1_000L
    }
}
