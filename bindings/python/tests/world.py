"""An organisation with a real server, a process of its own, and people with devices."""

import asyncio
import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from pli import Client, ClientState, Content, DeliveryState, FileKeyStore, TimelineItem

PROGRAM = os.environ["PLI_PROGRAM"]
PATIENCE_S = 60
# Tests run in a mode that tells of each slow step; a busy machine has many.
logging.getLogger("asyncio").setLevel(logging.ERROR)


class World:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pli"))
        self.data = self.folder / "server"
        self.clients = []
        self.address = "127.0.0.1:0"
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()
        self.kill()
        shutil.rmtree(self.folder)

    def start(self):
        """Starts the server, where it was if it was started before."""
        serve = [PROGRAM, "serve", "--data", self.data, "--listen", self.address, "--json"]
        self.server = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = json.loads(self.server.stdout.readline())["address"]
        # So that it never waits for a reader.
        threading.Thread(target=lambda out: out.read(), args=[self.server.stdout], daemon=True).start()

    def kill(self):
        """Kills the server: nothing is said to anybody."""
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()
        self.server.stdout.close()

    def pli(self, *arguments):
        """Runs the program; its exit code and what it printed."""
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=PATIENCE_S)
        return done.returncode, done.stdout.strip() + done.stderr.strip()

    def invite(self, name):
        code, link = self.pli("invite", "--data", str(self.data), "--name", name)
        assert code == 0, link
        return link

    async def enrol_device(self, person, name):
        """Enrols a further device of a person."""
        code, link = self.pli("invite", "--data", str(self.data), "--device-of", person.id.text)
        assert code == 0, link
        return await self._keep(await Client.join(self.place(name), self.keys(name), link))

    def place(self, name):
        return self.folder / name

    def keys(self, name):
        return FileKeyStore(str(self.place(name)) + ".key")

    async def enrol(self, name):
        """Enrols a person, and waits until the device is online."""
        return await self._keep(await Client.join(self.place(name), self.keys(name), self.invite(name)))

    async def open(self, name):
        return await self._keep(await Client.open(self.place(name), self.keys(name)))

    async def _keep(self, client):
        self.clients.append(client)
        await online(client)
        return client


async def first(stream, right=lambda value: True):
    """The first value that is right."""

    async def look():
        async for value in stream:
            if right(value):
                return value
        raise AssertionError("the stream ended")

    return await asyncio.wait_for(look(), PATIENCE_S)


async def online(client):
    await first(client.state, lambda state: state.is_ONLINE())


async def until(ask):
    """Asks until there is an answer."""

    async def wait():
        while not (answer := await ask()):
            await asyncio.sleep(0.02)
        return answer

    return await asyncio.wait_for(wait(), PATIENCE_S)


async def find(client, name):
    """The person of this name, once the directory shows them."""

    async def ask():
        return next((person for person in await client.people(name) if person.name == name), None)

    return await until(ask)


async def named(client, name):
    """The conversation of this name, once it is in the list."""
    listed = await first(client.conversations, lambda all: any(info.name == name for info in all))
    return client.conversation(next(info.id for info in listed if info.name == name))


def messages(items):
    return [item.message for item in items if isinstance(item, TimelineItem.SAID)]


def text(message):
    return message.content.body if isinstance(message.content, Content.TEXT) else None


async def said(conversation, right):
    """The messages of a timeline, once they are right."""
    return messages(await first(conversation.timeline().items, lambda items: right(messages(items))))


async def sees(conversation, body):
    """Waits until this text is said."""
    all = await said(conversation, lambda all: any(text(message) == body for message in all))
    return next(message for message in all if text(message) == body)


async def done(conversation, entry):
    end = await asyncio.wait_for(conversation.settled(entry), PATIENCE_S)
    assert end.is_SENT(), end


def is_offline(state):
    return isinstance(state, ClientState.OFFLINE)


def is_waiting(message):
    return isinstance(message.delivery, DeliveryState.WAITING)
