package pli

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.map

/** A stream of the native layer, pulled until its end or until nobody collects. */
internal fun <S : AutoCloseable, B : Any> pulled(
    open: () -> S,
    next: suspend (S, Long) -> B?,
    stop: (S) -> Unit,
): Flow<B> = flow {
    open().use { stream ->
        try {
            var taken = 0L
            while (true) emit(next(stream, taken++) ?: break)
        } finally {
            stop(stream)
        }
    }
}

/** The list that the steps of a stream lead to, after each batch of them. */
internal fun <S : AutoCloseable, D, T> listed(
    open: () -> S,
    next: suspend (S, Long) -> List<D>?,
    stop: (S) -> Unit,
    apply: MutableList<T>.(D) -> Unit,
): Flow<List<T>> = flow {
    val list = ArrayList<T>()
    pulled(open, next, stop).map { steps -> steps.forEach { list.apply(it) } }.collect { emit(list.toList()) }
}

/** Replaces `removed` elements from `at` on. */
internal fun <T> MutableList<T>.splice(at: Int, removed: Int, inserted: List<T>) {
    subList(at, at + removed).clear()
    addAll(at, inserted)
}
