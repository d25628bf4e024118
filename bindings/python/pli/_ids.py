"""Ids: opaque, the same everywhere, and not interchangeable."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class _Id:
    text: str

    def __str__(self) -> str:
        return self.text


class PersonId(_Id):
    """Which person."""


class DeviceId(_Id):
    """Which device."""


class ConversationId(_Id):
    """Which conversation."""


class ItemId(_Id):
    """Which entry of a conversation: a message or a change. The same from the moment that it waits in the outbox."""
