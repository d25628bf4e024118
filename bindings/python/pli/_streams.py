"""Streams of the native layer, pulled."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Stream(Generic[T], AsyncIterator[T]):
    """What changes, as it is: an async iterator. It ends when the client is closed, and never raises.

    A cancelled wait loses nothing: the next one gives what it would have given. Each `async for` over a stream property
    of a client, conversation or timeline begins anew.
    """

    def __init__(self, open: Callable[[], Any], take: Callable[[Any], T]) -> None:
        self._open = open
        self._take = take
        self._native: Any = None
        self._taken = 0

    def __aiter__(self) -> "Stream[T]":
        return self

    async def __anext__(self) -> T:
        if self._native is None:
            self._native = self._open()
        batch = await self._native.next(self._taken)
        if batch is None:
            raise StopAsyncIteration
        self._taken += 1
        return self._take(batch)

    async def aclose(self) -> None:
        """Ends it before its time; also for somebody who waits for the next."""
        if self._native is not None:
            self._native.stop()

    def __del__(self) -> None:
        if self._native is not None:
            self._native.stop()


def values(open: Callable[[], Any]) -> Stream[Any]:
    """Each value as it is."""
    return Stream(open, lambda value: value)


def lists(open: Callable[[], Any]) -> Stream[list[Any]]:
    """The list that the steps lead to, after each batch of them."""
    shown: list[Any] = []

    def take(steps: list[Any]) -> list[Any]:
        for step in steps:
            shown[step.at : step.at + step.removed] = step.inserted
        return list(shown)

    return Stream(open, take)
