package pli.app.session

import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.transformLatest
import pli.Advice
import pli.Client
import pli.ClientState

/** What a person should know of the connection; mostly nothing. */
sealed interface Connection {
    data object Fine : Connection
    data object Connecting : Connection
    data object Unreachable : Connection
    data class CatchingUp(val left: Int) : Connection

    /** This device is out. */
    data object Revoked : Connection

    /** The server wants a newer version. */
    data object Update : Connection
}

/** What there is to say, once it lasts: nobody wants to read of every moment's attempt. */
@OptIn(ExperimentalCoroutinesApi::class)
fun Client.connection(): Flow<Connection> {
    var last: Connection = Connection.Fine
    return state.transformLatest { state ->
        val next = when (state) {
            is ClientState.Online, is ClientState.Suspended -> Connection.Fine
            is ClientState.Offline -> Connection.Unreachable
            is ClientState.CatchingUp -> Connection.CatchingUp(state.left)
            is ClientState.Stopped -> when (state.advice) {
                Advice.RE_ENROL -> Connection.Revoked
                Advice.UPDATE -> Connection.Update
                else -> Connection.Connecting
            }
            is ClientState.Connecting -> {
                // Each new attempt says so; what was said of the last stays until it is known better.
                if (last == Connection.Unreachable) return@transformLatest
                delay(PATIENCE_MS)
                Connection.Connecting
            }
        }
        last = next
        emit(next)
    }.distinctUntilChanged()
}

private const val PATIENCE_MS = 2_000L
