"""A bot that answers in every group that it is in: `bot.py FOLDER [LINK]`, with a link the first time.

`!level GAUGE` is answered with the level of a gauge. After a crash the bot goes on where it stopped.
"""

import asyncio
import sys
import zlib

from pli import Client, Content, FileKeyStore, PliError


def level(gauge):
    """Metres; a real bot asks a real gauge."""
    return round(zlib.crc32(gauge.encode()) % 500 / 100, 2)


async def bot(folder, link=None):
    keys = FileKeyStore(folder + ".key")
    opening = Client.join(folder, keys, link) if link else Client.open(folder, keys)
    async with opening as client:
        async for message in client.messages:
            if message.mine or not isinstance(message.content, Content.TEXT):
                continue
            command, _, gauge = message.content.body.partition(" ")
            if command == "!level" and gauge:
                try:
                    conversation = client.conversation(message.conversation)
                    await conversation.send(f"{gauge}: {level(gauge)} m", reply_to=message.id)
                except PliError as error:  # such as NotAllowed: only admins post here
                    print(error.advice().name, file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(bot(*sys.argv[1:]))
