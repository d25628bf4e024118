"""The face: a client, its conversations and their timelines."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Generator, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from . import pli_native as _native
from ._ids import ConversationId, DeviceId, ItemId, PersonId
from ._streams import Stream, lists, values
from .pli import (
    ClientState,
    ConversationInfo,
    DeliveryState,
    DeviceInfo,
    KeyStore,
    Member,
    Message,
    MessageNotice,
    Permission,
    Person,
    PersonInfo,
    Role,
    SyncResult,
    TimelineItem,
    Verification,
    Warning,
)

Folder = str | os.PathLike[str]


class _Opening(Awaitable["Client"]):
    """A client that is being opened: `await` it, or use it in `async with`."""

    def __init__(self, opening: Awaitable[Any]) -> None:
        self._opening = opening
        self._client: Client | None = None

    def __await__(self) -> Generator[Any, None, Client]:
        raw = yield from self._opening.__await__()
        return Client(raw)

    async def __aenter__(self) -> Client:
        self._client = await self
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()


class Client:
    """A device of the organisation's, open. Usable from any thread and any event loop.

    Calls raise `PliError`, whose `advice()` says what to do. Streams are what *is*: they begin with what is on disk,
    never raise, and end when the client is closed.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @staticmethod
    def open(folder: Folder, keys: KeyStore) -> _Opening:
        """Opens the device in a folder. Never makes one: `PliError.NotEnrolled` if there is none."""
        return _Opening(_native.RawClient.open(os.fspath(folder), keys))

    @staticmethod
    def join(folder: Folder, keys: KeyStore, link: str) -> _Opening:
        """Makes a device in a folder that has none, by an invitation. If it fails half-way it may be repeated."""
        return _Opening(_native.RawClient.join(os.fspath(folder), keys, link))

    @staticmethod
    async def wake_up(folder: Folder, keys: KeyStore, within: timedelta) -> SyncResult:
        """One bounded sync by a timer. Uses the client that is open on this folder, if there is one."""
        return await _native.wake_up(os.fspath(folder), keys, within)

    @staticmethod
    async def forget(folder: Folder, keys: KeyStore) -> None:
        """Erases the device in a folder, for ever: its key, then its store.

        For one that is out, before `join` with a new invitation.
        """
        await _native.forget(os.fspath(folder), keys)

    @staticmethod
    def diagnostics() -> list[str]:
        """The newest lines of the log, at most 1,000, without personal data."""
        return _native.diagnostics()

    @property
    def state(self) -> Stream[ClientState]:
        """What the client is doing."""
        return values(self._raw.states)

    @property
    def conversations(self) -> Stream[list[ConversationInfo]]:
        """The conversation list, the last active first."""
        return lists(self._raw.conversations)

    @property
    def messages(self) -> Stream[Message]:
        """Every message of every conversation, in order, from where the last run stopped: for bots.

        Asking for the next says that the last was handled: a crash repeats one message, and loses none.
        """
        return values(self._raw.messages)

    @property
    def notices(self) -> Stream[MessageNotice]:
        """Every message that the person wants to be told of, once: not in muted conversations, nor what was read already.

        Begins with what came since the last run or `sync`; asking for the next says that the last was shown.
        """
        return values(self._raw.notices)

    @property
    def warnings(self) -> Stream[list[Warning]]:
        """What the person should know of, while the client goes on; mostly nothing."""
        return values(self._raw.warnings)

    @property
    def devices(self) -> Stream[list[DeviceInfo]]:
        """The own person's devices, oldest first.

        The server is asked, if it can be reached, on which days they were last seen; of all else it tells by itself.
        """
        return lists(self._raw.devices)

    def directory(self, query: str = "") -> Stream[list[Person]]:
        """The people whose name or department contains each word of `query`; all for an empty one."""
        return lists(lambda: self._raw.directory(query))

    def person_info(self, id: PersonId) -> Stream[PersonInfo]:
        """What a screen shows of a person."""
        return values(lambda: self._raw.person_infos(id))

    def conversation(self, id: ConversationId) -> Conversation:
        """A handle on a conversation: no I/O, nothing to close."""
        return Conversation(id, self._raw.conversation(id))

    async def conversation_list(self) -> list[ConversationInfo]:
        """The conversation list as it is now."""
        return await self._raw.conversation_list()

    async def me(self) -> Person:
        """The own person."""
        return await self._raw.me()

    async def person(self, id: PersonId) -> Person:
        """Somebody whom the directory knows."""
        return await self._raw.person(id)

    async def organisation(self) -> str:
        """The organisation's name."""
        return await self._raw.organisation()

    async def people(self, query: str = "") -> list[Person]:
        """The people of `directory` as they are now."""
        return await self._raw.people(query)

    async def create_group(self, name: str, people: Sequence[PersonId] = ()) -> Conversation:
        """Makes a group with these people, of which the own person is the owner."""
        return self.conversation(await self._raw.create_group(name, list(people)))

    async def pair(self, person: PersonId) -> Conversation:
        """The conversation with one other person. Nothing is sent before something is said."""
        return self.conversation(await self._raw.pair(person))

    async def device_list(self) -> list[DeviceInfo]:
        """The own person's devices as they are now."""
        return await self._raw.device_list()

    async def approve(self, device: DeviceId, number: str) -> None:
        """Lets a further device of the own person into every conversation, after `number` was compared on both."""
        await self._raw.approve(device, number)

    async def revoke(self, device: DeviceId) -> None:
        """Revokes a device of the own person, such as a lost phone: it is outside of every conversation."""
        await self._raw.revoke(device)

    async def safety_number(self, person: PersonId) -> str:
        """The number to compare with a person: 60 digits, the same on their screen."""
        return await self._raw.safety_number(person)

    async def verify(self, person: PersonId) -> None:
        """Notes that the number was compared; `verification` says so until it changes."""
        await self._raw.verify(person)

    async def verification(self, person: PersonId) -> Verification:
        """Whether the number was compared with this person, and is still that."""
        return await self._raw.verification(person)

    async def storage_used(self) -> int:
        """Bytes that the store takes on this device."""
        return await self._raw.storage_used()

    async def sync(self, within: timedelta) -> SyncResult:
        """Waits until all was fetched and sent, but no longer than `within`."""
        return await self._raw.sync(within)

    def network_changed(self) -> None:
        """Try to connect now: the network changed."""
        self._raw.network_changed()

    def suspend(self) -> None:
        """Stops all work. When this returns no lock and no socket is held: the process may be frozen."""
        self._raw.suspend()

    def resume(self) -> None:
        """Undoes `suspend`."""
        self._raw.resume()

    def close(self) -> None:
        """Ends the client: streams end, calls raise `PliError.Closed`, files and threads are released."""
        self._raw.end()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Conversation:
    """A handle on a conversation: no I/O, nothing to close, from any thread.

    Actions are on disk when their call returns, online or not; what becomes of them shows in the timeline.
    """

    def __init__(self, id: ConversationId, raw: Any) -> None:
        self.id = id
        self._raw = raw

    @property
    def info(self) -> Stream[ConversationInfo]:
        """What lists show of it."""
        return values(self._raw.infos)

    @property
    def members(self) -> Stream[list[Member]]:
        """Who is in it, the most powerful first."""
        return lists(self._raw.members)

    def timeline(self, around: ItemId | None = None) -> Timeline:
        """A window on the newest items, or on those around an entry."""
        return Timeline(self._raw.timeline(around))

    async def current_info(self) -> ConversationInfo:
        """What lists show of it now."""
        return await self._raw.info()

    async def member_list(self) -> list[Member]:
        """Who is in it now."""
        return await self._raw.member_list()

    async def first_unread(self) -> ItemId | None:
        """The first message of others that was not seen yet."""
        return await self._raw.first_unread()

    async def items(self, before: ItemId | None = None, count: int = 50) -> list[TimelineItem]:
        """Items before one, or the newest with what waits in the outbox; oldest first."""
        return await self._raw.items(before, count)

    async def send(
        self, text: str, reply_to: ItemId | None = None, mentions: Sequence[PersonId] = ()
    ) -> ItemId:
        """Says something. The draft goes with it."""
        return await self._raw.send(text, reply_to, list(mentions))

    async def edit(self, message: ItemId, text: str, mentions: Sequence[PersonId] = ()) -> ItemId:
        """Replaces what an own message says, and whom it mentions."""
        return await self._raw.edit(message, text, list(mentions))

    async def delete(self, message: ItemId) -> ItemId | None:
        """Deletes a message for everyone, and gives the deletion's entry. What waits in the outbox or was refused is taken
        back, and gives `None`."""
        return await self._raw.delete(message)

    async def react(self, message: ItemId, emoji: str | None) -> ItemId:
        """Reacts with an emoji; `None` takes the own reaction back."""
        return await self._raw.react(message, emoji)

    async def retry(self, entry: ItemId) -> None:
        """Takes up again what was refused."""
        await self._raw.retry(entry)

    async def add(self, people: Sequence[PersonId]) -> ItemId:
        """Adds people, with all their devices."""
        return await self._raw.add(list(people))

    async def remove(self, people: Sequence[PersonId]) -> ItemId:
        """Removes people: they can neither read nor write what follows."""
        return await self._raw.remove(list(people))

    async def set_role(self, person: PersonId, role: Role) -> ItemId:
        """Gives a person a role."""
        return await self._raw.set_role(person, role)

    async def leave(self) -> ItemId:
        """Leaves a group, with all own devices."""
        return await self._raw.leave()

    async def rename(self, name: str) -> ItemId:
        """Renames a group."""
        return await self._raw.rename(name)

    async def set_topic(self, topic: str) -> ItemId:
        """Says what a group is about."""
        return await self._raw.set_topic(topic)

    async def set_lifetime(self, lifetime: timedelta | None) -> ItemId:
        """How long messages are shown; `None` for ever."""
        return await self._raw.set_lifetime(lifetime)

    async def set_least_role(self, permission: Permission, role: Role) -> ItemId:
        """The least role that may add people, post or rename."""
        return await self._raw.set_least_role(permission, role)

    async def set_draft(self, draft: str) -> None:
        """Keeps what was written and not sent."""
        await self._raw.set_draft(draft)

    async def mute(self, until: datetime | None) -> None:
        """No notifications until then; `None` unmutes."""
        await self._raw.mute(until)

    async def settled(self, entry: ItemId) -> DeliveryState:
        """Waits until an action is in the log, or was refused."""
        return await self._raw.settled(entry)


class Timeline:
    """A window on a timeline: 50 items at first, 1,000 at most. Nothing to close."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    @property
    def items(self) -> Stream[list[TimelineItem]]:
        """The items in the window, oldest first; at the end of the conversation also what waits in the outbox."""
        return lists(self._raw.items)

    async def load_older(self, count: int = 50) -> bool:
        """Widens the window by older items; false if there are none, or it is as wide as it gets."""
        return await self._raw.load_older(count)

    async def load_newer(self, count: int = 50) -> bool:
        """Moves the window's end by newer items; false at the end, which it follows from then on."""
        return await self._raw.load_newer(count)

    async def mark_read(self, up_to: ItemId) -> None:
        """Everything up to this item was seen."""
        await self._raw.mark_read(up_to)
