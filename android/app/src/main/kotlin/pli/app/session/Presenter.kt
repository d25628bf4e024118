package pli.app.session

import androidx.lifecycle.ViewModel
import androidx.lifecycle.viewModelScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.flatMapLatest
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import pli.Client
import pli.PliException
import pli.app.ui.Sentence

/** Turns what the core says and what a person does into the states of one screen. Nothing of it asks the core on the main thread. */
abstract class Presenter<S : Any>(protected val session: Session, first: S) : ViewModel() {
    private val shown = MutableStateFlow(first)
    val state: StateFlow<S> = shown.asStateFlow()

    protected val current: S get() = shown.value

    protected fun show(change: (S) -> S) = shown.update(change)

    /** This state, and what went wrong; null once it was read. */
    protected abstract fun S.with(problem: Sentence?): S

    /** What went wrong was read. */
    fun told() = show { it.with(null) }

    /** Does something with the core; what it fails with is shown. */
    protected fun work(doing: suspend (Client) -> Unit): Job = viewModelScope.launch(Dispatchers.Default) {
        try {
            doing(session.client())
        } catch (problem: PliException) {
            failed(problem)
        }
    }

    protected open fun failed(problem: PliException) = show { it.with(problem.sentence()) }

    /** Follows something of the core, from one client to the next. */
    @OptIn(ExperimentalCoroutinesApi::class)
    protected fun <T> follow(what: (Client) -> Flow<T>, heard: suspend (T) -> Unit): Job = viewModelScope.launch(Dispatchers.Default) {
        session.device.filterIsInstance<Device.Open>().flatMapLatest { what(it.client) }.collect { heard(it) }
    }
}
