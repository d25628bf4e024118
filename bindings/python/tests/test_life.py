import asyncio
import gc
import os
import random
import time
import unittest
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pli import Advice, Client, ClientState, DeviceId, KeyProblem, KeyStore, PliError
from world import PATIENCE_S, World, done, find, first, is_offline, is_waiting, messages, named, online, sees, text, until


def links():
    """What this process holds open."""
    links = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{entry}"))
        except OSError:
            pass
    return links


def open_files(folder):
    """Files in a folder that this process holds open."""
    return [link for link in links() if link.startswith(f"{folder}/")]


def threads():
    """Pli's own threads."""
    names = []
    for task in os.listdir("/proc/self/task"):
        try:
            names.append(Path(f"/proc/self/task/{task}/comm").read_text().strip())
        except OSError:
            pass
    return [name for name in names if name.startswith("pli")]


def resident():
    """Bytes of memory that this process uses."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def most():
    """The most memory that this process used, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) << 10


async def none_to(address):
    """Whether this process has no connection to an address of this machine."""
    return connections(address) == 0


def connections(address):
    """How many connections this process has to an address of this machine."""
    port = f":{int(address.rsplit(':')[-1]):04X}"
    table = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{line[9]}]" for line in table if line[2].endswith(port)}
    return sum(link in sockets for link in links())


class Own(KeyStore):
    """A key store of one's own."""

    def __init__(self, file, fault=None):
        self.file, self.fault = file, fault

    def load(self):
        if self.fault:
            raise self.fault
        return self.file.load()

    def save(self, secret):
        self.file.save(secret)

    def erase(self):
        self.file.erase()


async def collected(stream):
    return [value async for value in stream]


class LifeTest(unittest.IsolatedAsyncioTestCase):
    async def test_cancelling_leaves_a_consistent_state(self):
        with World() as world:
            anne = await world.enrol("Anne")
            alone = await anne.create_group("Alone")

            async def watch(stream):
                async for _ in stream:
                    pass

            async def settle(number):
                await alone.settled(await alone.send(f"settled {number}"))

            (await world.enrol("Chloé")).close()
            asleep = (world.place("Chloé"), world.keys("Chloé"))
            calls = [
                lambda number: alone.send(f"{number}"),
                lambda number: anne.people("x"),
                lambda number: anne.sync(timedelta(seconds=1)),
                lambda number: anne.create_group(f"group {number}"),
                lambda number: watch(alone.timeline().items),
                lambda number: watch(anne.state),
                settle,
                lambda number: Client.wake_up(*asleep, timedelta(seconds=1)),
                lambda number: anne.revoke(DeviceId("00" * 16)),
                lambda number: watch(anne.devices),
            ]
            dice = random.Random(7)
            for number in range(400):
                call = asyncio.create_task(calls[number % len(calls)](number))
                await asyncio.sleep(dice.random() * 0.004)
                call.cancel()
                await asyncio.wait([call])
            # What was accepted was accepted whole, and all of it arrives.
            await done(alone, await alone.send("the end"))
            texts = [text(message) for message in messages(await alone.items(count=1_000))]
            self.assertEqual(len(texts), len(set(texts)))
            names = {info.name for info in await anne.conversation_list()}
            self.assertTrue(all(name == "Alone" or name.startswith("group ") for name in names))
            # Woken up and stopped, again and again: it is let go of.
            async def woken():
                try:
                    return await Client.open(*asleep)
                except PliError.StoreInUse:
                    return None

            async with await until(woken) as chloe:
                await online(chloe)
            # Joining, cancelled at any moment, may be repeated with the same invitation.
            link = world.invite("Bảo")
            for ms in (0, 2, 5, 10, 20, 40):
                try:
                    (await asyncio.wait_for(asyncio.ensure_future(self.joined(world, link)), ms / 1_000)).close()
                except (TimeoutError, PliError.AlreadyEnrolled, PliError.StoreInUse):
                    pass

            async def again():
                try:
                    return await self.joined(world, link)
                except PliError.StoreInUse:
                    return None
                except PliError.AlreadyEnrolled:
                    return await Client.open(world.place("Bảo"), world.keys("Bảo"))

            async with await until(again) as bao:
                await online(bao)

    async def joined(self, world, link):
        return await Client.join(world.place("Bảo"), world.keys("Bảo"), link)

    async def test_calls_after_close_say_closed(self):
        with World() as world:
            anne = await world.enrol("Anne")
            alone = await anne.create_group("Alone")
            timeline = alone.timeline()
            streams = [
                anne.state, anne.conversations, alone.members, timeline.items, anne.messages, alone.info, anne.notices,
                anne.warnings, anne.devices, anne.directory(), anne.person_info((await anne.me()).id),
            ]  # fmt: skip
            collecting = [asyncio.create_task(collected(stream)) for stream in streams]
            await asyncio.sleep(0.1)
            anne.close()
            await asyncio.wait_for(asyncio.gather(*collecting), PATIENCE_S)
            with self.assertRaises(PliError.Closed) as closed:
                await alone.send("too late")
            self.assertEqual(closed.exception.advice(), Advice.REOPEN)
            with self.assertRaises(PliError.Closed):
                await anne.me()
            with self.assertRaises(PliError.Closed):
                await timeline.load_older()
            with self.assertRaises(PliError.Closed):
                anne.resume()
            self.assertEqual(await collected(timeline.items), [])
            anne.close()

    async def test_many_threads_call_at_once(self):
        with World() as world:
            anne = await world.enrol("Anne")
            alone = await anne.create_group("Alone")

            async def sending(thread):
                sent = []
                for number in range(20):
                    sent.append(await alone.send(f"{thread}/{number}"))
                    await anne.people()
                    await alone.member_list()
                return sent

            with ThreadPoolExecutor(16) as pool:
                loop = asyncio.get_running_loop()
                each = [loop.run_in_executor(pool, asyncio.run, sending(thread)) for thread in range(16)]
                sent = sum(await asyncio.gather(*each), [])
            for entry in sent:
                await asyncio.wait_for(alone.settled(entry), PATIENCE_S)
            there = {message.id for message in messages(await alone.items(count=1_000))}
            self.assertEqual(there, set(sent))
            self.assertEqual(len(there), 320)

    async def test_suspending_lets_go_and_resuming_goes_on(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            there = await anne.pair((await find(anne, "Bảo")).id)
            await done(there, await there.send("before"))
            here = await named(bao, "Anne")
            shown = asyncio.create_task(sees(here, "meanwhile"))
            took = []
            for _ in range(5):
                since = time.monotonic()
                bao.suspend()
                took.append(time.monotonic() - since)
                self.assertEqual(open_files(world.place("Bảo")), [])
                with self.assertRaises(PliError.Closed):
                    await here.send("asleep")
                await first(bao.state, lambda state: state.is_SUSPENDED())
                bao.resume()
            self.assertLessEqual(sorted(took)[2], 0.1, took)
            self.assertGreater(connections(world.address), 0)
            anne.suspend()
            bao.suspend()
            # Tasks of the transport drop the last sockets; another thread may be in the midst of one.
            await until(lambda: none_to(world.address))
            anne.resume()
            await done(there, await there.send("meanwhile"))
            bao.resume()
            bao.resume()
            await shown
            # Plain calls, in call order, from wherever they come.
            for _ in range(20):
                bao.suspend()
                bao.resume()
            await done(here, await here.send("awake"))

    async def test_a_wrong_key_is_told(self):
        with World() as world:
            (await world.enrol("Anne")).close()
            (await world.enrol("Bảo")).close()
            place = world.place("Anne")
            with self.assertRaises(PliError.KeyUnavailable) as wrong:
                await Client.open(place, world.keys("Bảo"))
            self.assertEqual((wrong.exception.why, wrong.exception.advice()), (KeyProblem.WRONG, Advice.RE_ENROL))
            with self.assertRaises(PliError.KeyUnavailable) as missing:
                await Client.open(place, world.keys("nobody"))
            self.assertEqual(missing.exception.why, KeyProblem.MISSING)

            file = world.keys("Anne")
            with self.assertRaises(PliError.KeyUnavailable) as locked:
                await Client.open(place, Own(file, PliError.KeyUnavailable(KeyProblem.LOCKED)))
            self.assertEqual((locked.exception.why, locked.exception.advice()), (KeyProblem.LOCKED, Advice.RETRY))
            with self.assertRaises(PliError.KeyUnavailable):
                await Client.open(place, Own(file, ValueError("broken")))
            async with Client.open(place, Own(file)) as anne:
                await online(anne)

    async def test_the_server_goes_and_comes_back(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            there = await anne.pair((await find(anne, "Bảo")).id)
            await done(there, await there.send("online"))
            here = await named(bao, "Anne")
            await sees(here, "online")
            world.kill()
            await first(anne.state, is_offline)
            offline = [await there.send(f"offline {number}") for number in range(5)]
            self.assertTrue(is_waiting(messages(await there.items())[-1]))
            self.assertFalse((await anne.sync(timedelta(milliseconds=50))).complete)
            await there.delete(offline[0])
            world.start()
            anne.network_changed()
            bao.network_changed()
            for entry in offline[1:]:
                await done(there, entry)
            await sees(here, "offline 4")
            self.assertNotIn("offline 0", [text(message) for message in messages(await here.items())])
            self.assertTrue((await anne.sync(timedelta(seconds=30))).complete)

    async def test_a_wake_up_brings_notifications(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            them = (await find(anne, "Bảo")).id
            there = await anne.pair(them)
            await done(there, await there.send("first"))
            await sees(await named(bao, "Anne"), "first")

            async def wake_up():
                return await Client.wake_up(world.place("Bảo"), world.keys("Bảo"), timedelta(seconds=30))

            self.assertTrue((await wake_up()).complete)
            bao.close()
            await done(there, await there.send("wake up", mentions=[them]))
            result = await wake_up()
            self.assertTrue(result.complete)
            [told] = result.notifications
            self.assertEqual((told.sender.name, told.preview, told.mention), ("Anne", "wake up", True))
            again = await world.open("Bảo")
            await again.conversation(told.conversation).mute(datetime.now(timezone.utc) + timedelta(hours=1))
            again.close()
            await done(there, await there.send("not now"))
            muted = await wake_up()
            self.assertEqual([text(message) for message in muted.received], ["not now"])
            self.assertEqual(muted.notifications, [])

    async def test_a_wake_up_fits_an_extension(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            crue = await anne.create_group("Crue", [(await find(anne, "Bảo")).id])
            await named(bao, "Crue")
            bao.close()
            for number in range(300):
                await crue.send(f"La Deûle monte de {number} cm")
            self.assertTrue((await anne.sync(timedelta(seconds=60))).complete)
            # Counts the most memory anew from here on.
            Path("/proc/self/clear_refs").write_text("5")
            before = resident()
            result = await Client.wake_up(world.place("Bảo"), world.keys("Bảo"), timedelta(seconds=60))
            self.assertLess(most() - before, 15 << 20)
            self.assertTrue(result.complete and len(result.notifications) == 300)

    async def test_two_processes_share_a_store(self):
        with World() as world:
            anne = await world.enrol("Anne")
            alone = await anne.create_group("Alone")
            await done(alone, await alone.send("here"))
            profile = str(world.place("Anne"))
            self.assertEqual(world.pli("--profile", profile, "conversations")[0], 5)
            anne.suspend()
            sent = world.pli("--profile", profile, "send", "Alone", "from the other")
            self.assertEqual(sent[0], 0, sent[1])
            anne.resume()
            await sees(alone, "from the other")
            await done(alone, await alone.send("and here again"))

    async def test_a_panic_inside_is_an_error(self):
        with World() as world:
            anne = await world.enrol("Anne")
            with self.assertRaises(PliError.Internal) as panic:
                await anne._raw.fail()
            self.assertEqual(panic.exception.advice(), Advice.REOPEN)
            await first(anne.state, lambda state: state == ClientState.STOPPED(Advice.REOPEN))
            anne.close()
            again = await world.open("Anne")
            await (await again.create_group("Alone")).send("well again")

    async def test_the_log_names_nobody(self):
        with World() as world:
            anne, bao = await world.enrol("Anne-Cécile"), await world.enrol("Barnabé")
            pair = await anne.pair((await find(anne, "Barnabé")).id)
            await done(pair, await pair.send("xylophone"))
            await sees(await named(bao, "Anne-Cécile"), "xylophone")
            world.kill()
            await first(anne.state, is_offline)
            with self.assertRaises(PliError.Internal):
                await anne._raw.fail()
            lines = Client.diagnostics()
            self.assertTrue(0 < len(lines) <= 1_000)
            for secret in ("Anne", "Barnab", "xylophone", "127.0.0.1", pair.id.text, str(world.folder)):
                self.assertFalse([line for line in lines if secret in line])

    async def test_ten_thousand_calls_leave_no_memory(self):
        with World() as world:
            anne = await world.enrol("Anne")
            alone = await anne.create_group("Alone")
            await alone.send("one")

            async def rounds(count):
                for _ in range(count):
                    await anne.people("anne")
                    await alone.items(count=1)
                    await anext(alone.timeline().items)
                    cancelled = asyncio.create_task(anne.sync(timedelta(seconds=9)))
                    await asyncio.sleep(0)
                    cancelled.cancel()
                    await asyncio.wait([cancelled])

            await rounds(500)
            before = resident()
            await rounds(2_500)
            self.assertLess(resident() - before, 24 << 20)

    async def test_nothing_is_left_at_the_end(self):
        with World() as world:
            before = len(threads())
            for number in range(5):
                anne = await world.enrol(f"Anne {number}")
                await (await anne.create_group("g")).send("x")
            self.assertGreater(len(threads()), before)
            for client in world.clients:
                client.close()

            async def ended():
                return len(threads()) <= before

            await until(ended)
            self.assertEqual(open_files(world.folder), [])
            # A client that nobody holds is closed, and lets go of the key store.
            keys = await self.opened(world)

            async def released():
                gc.collect()
                return keys() is None and len(threads()) <= before and not open_files(world.folder)

            await until(released)

    async def opened(self, world):
        """Opens a device and lets it fall; its key store."""
        keys = Own(world.keys("Anne 0"))
        await online(await Client.open(world.place("Anne 0"), keys))
        return weakref.ref(keys)


if __name__ == "__main__":
    unittest.main()
