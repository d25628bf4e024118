#!/usr/bin/env python3
"""One group with a Kotlin, a Swift, a Python and a Rust client: each says something, each sees all of it, in one order.

    mixed.py PROGRAM [Bot=COMMAND] NAME=COMMAND…

Each command is the sample chat of a language, and gets a folder, the group's name and a link; the bot gets a folder and a
link, and answers what it is asked. Afterwards the Rust program
reads all their stores: what they hold is the same, to the last field.
"""

import json
import queue
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

PATIENCE_S = 120
ROUNDS = 3


class Chat:
    """A sample chat that runs."""

    def __init__(self, name, command, folder, link):
        self.name, self.folder = name, folder
        command = [*shlex.split(command), str(folder), *([] if name == "Bot" else ["Mixed"]), link]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def expect(self, wanted):
        """Reads until all these lines were printed, in whatever order."""
        wanted, until = set(wanted), time.monotonic() + PATIENCE_S
        while wanted:
            line = self.lines.get(timeout=max(0.1, until - time.monotonic()))
            if line is None:
                sys.exit(f"{self.name} ended")
            wanted.discard(line)


def main(program, *chats):
    folder = Path(tempfile.mkdtemp(prefix="pli-mixed"))
    data, rust = folder / "server", folder / "Rust"
    serve = [program, "serve", "--data", data, "--listen", "127.0.0.1:0", "--json"]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    server.stdout.readline()
    threading.Thread(target=server.stdout.read, daemon=True).start()

    def pli(*arguments):
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode:
            sys.exit(f"{arguments}: {done.stderr}")
        return done.stdout.strip()

    running = []
    try:
        pli("--profile", rust, "join", pli("invite", "--data", data, "--name", "Rust"))
        for chat in chats:
            name, _, command = chat.partition("=")
            link = pli("invite", "--data", data, "--name", name)
            running.append(Chat(name, command, folder / name, link))
        bots = [chat for chat in running if chat.name == "Bot"]
        talking = [chat for chat in running if chat.name != "Bot"]
        for chat in talking:
            chat.expect(["waiting for Mixed"])
        names = [chat.name for chat in talking]
        until = time.monotonic() + PATIENCE_S
        while any(chat.name not in pli("--profile", rust, "people") for chat in running):
            if time.monotonic() > until:
                sys.exit("somebody does not join")
        pli("--profile", rust, "group", "create", "Mixed", *(chat.name for chat in running))
        for number in range(ROUNDS):
            pli("--profile", rust, "send", "Mixed", f"{number}: bonjour 🌊")
            for chat in talking:
                chat.say(f"{number}: bonjour 🌊")
            for chat in talking:
                chat.expect(f"{name}: {number}: bonjour 🌊" for name in ["Rust", *names])
        for bot in bots:
            talking[0].say("!level Vidourle")
            level = round(zlib.crc32(b"Vidourle") % 500 / 100, 2)
            for chat in talking:
                chat.expect([f"Bot: Vidourle: {level} m"])
            bot.process.terminate()
            bot.process.wait(timeout=PATIENCE_S)
        for chat in talking:
            chat.process.stdin.close()
            if chat.process.wait(timeout=PATIENCE_S):
                sys.exit(f"{chat.name} ended with {chat.process.returncode}")

        def timeline(place):
            pli("--profile", place, "sync")
            lines = map(json.loads, pli("--profile", place, "read", "Mixed", "--json").splitlines())
            return [(m["id"], m["number"], m["sender"], m["text"], m["sent_ms"]) for m in lines if m["kind"] == "text"]

        expected = timeline(rust)
        if len(expected) != ROUNDS * (len(talking) + 1) + 2 * len(bots):
            sys.exit(f"{len(expected)} messages")
        for chat in running:
            if timeline(chat.folder) != expected:
                sys.exit(f"{chat.name} has another timeline")
        print(f"{', '.join(['Rust', *(chat.name for chat in running)])}: {len(expected)} messages, one order")
    finally:
        for chat in running:
            chat.process.kill()
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


main(*sys.argv[1:])
