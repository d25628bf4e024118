"""A chat in the terminal: `chat.py FOLDER GROUP [LINK]`, with a link the first time."""

import asyncio
import sys

from pli import Client, Content, FileKeyStore, PliError, TimelineItem


async def main(folder, group, link=None):
    async with await start(folder, link) as client:
        print("waiting for", group, flush=True)
        async for listed in client.conversations:
            if found := next((info for info in listed if info.name == group), None):
                break
        conversation = client.conversation(found.id)
        showing = asyncio.create_task(show(conversation))
        while line := await asyncio.to_thread(sys.stdin.readline):
            try:
                # On disk at once; here we wait until it is in the group.
                await conversation.settled(await conversation.send(line.strip()))
            except PliError as error:
                print("!", error.advice().name, flush=True)
        showing.cancel()


async def start(folder, link):
    """Opens the device in a folder, or makes one."""
    keys = FileKeyStore(folder + ".key")
    try:
        return await Client.open(folder, keys)
    except PliError.NotEnrolled:
        if link is None:
            raise
        return await Client.join(folder, keys, link)


async def show(conversation):
    """Prints each message once. The stream gives the whole window after each change."""
    shown = set()
    async for items in conversation.timeline().items:
        for item in items:
            if not isinstance(item, TimelineItem.SAID) or not isinstance(item.message.content, Content.TEXT):
                continue
            if item.message.id not in shown:
                shown.add(item.message.id)
                print(f"{item.message.sender.name}: {item.message.content.body}", flush=True)


asyncio.run(main(*sys.argv[1:]))
