import asyncio
import unittest

from pli import Verification
from world import World, done, find, first, messages, named, sees, text, until


class StreamTest(unittest.IsolatedAsyncioTestCase):
    async def test_diffs_give_what_a_fresh_read_gives(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            crue = await anne.create_group("Crue", [(await find(anne, "Bảo")).id])
            here = await named(bao, "Crue")
            timeline = here.timeline()
            shown, listed = [], []

            async def keep(stream, where):
                async for value in stream:
                    where[:] = value

            keeping = [
                asyncio.create_task(keep(timeline.items, shown)),
                asyncio.create_task(keep(bao.conversations, listed)),
            ]
            for number in range(200):
                sent = await crue.send(f"message {number}")
                match number % 5:
                    case 0:
                        await crue.react(sent, "👍")
                    case 1:
                        await crue.edit(sent, f"edited {number}")
                    case 2:
                        await crue.delete(sent)
                    case 3:
                        await here.send(f"answer {number}")
            await done(crue, await crue.send("the last"))

            async def the_last():
                return any(text(message) == "the last" for message in messages(shown))

            await until(the_last)
            await done(here, await here.send("after it"))

            async def as_read(count):
                return shown == await here.items(count=count) and listed == await bao.conversation_list()

            await until(lambda: as_read(50))
            self.assertTrue(await timeline.load_older(950))
            await until(lambda: as_read(1_000))
            self.assertGreater(len(shown), 150)
            for task in keeping:
                task.cancel()

    async def test_a_timeline_grows_both_ways(self):
        with World() as world:
            anne = await world.enrol("Anne")
            alone = await anne.create_group("Alone")
            sent = [await alone.send(f"{number}") for number in range(120)]
            await done(alone, sent[-1])
            newest = alone.timeline()
            self.assertEqual(len(await first(newest.items, lambda items: len(items) >= 50)), 50)
            self.assertTrue(await newest.load_older(30))
            self.assertEqual(len(await first(newest.items, lambda items: len(items) != 50)), 80)
            self.assertTrue(await newest.load_older(1_000))
            all = await first(newest.items, lambda items: len(items) >= 120)
            self.assertEqual([message.id for message in messages(all)], sent)
            self.assertFalse(await newest.load_older())
            middle = alone.timeline(around=sent[60])
            around = [message.id for message in messages(await first(middle.items, len))]
            self.assertTrue(sent[60] in around and sent[119] not in around and len(around) == 50)
            self.assertTrue(await middle.load_newer(10))
            self.assertEqual((await first(middle.items, lambda items: len(items) == 60))[-1].message.id, sent[95])
            self.assertFalse(await middle.load_newer(1_000))
            await first(middle.items, lambda items: items[-1].message.id == sent[119])
            last = await alone.send("followed")
            await first(middle.items, lambda items: items[-1].message.id == last)

    async def test_devices_and_people_are_followed(self):
        with World() as world:
            anne = await world.enrol("Anne")
            found = anne.directory("ba")
            self.assertEqual(await first(found), [])
            bao = await world.enrol("Bảo")
            me = await bao.me()
            self.assertEqual(await first(found, len), [me])
            pair = await anne.pair(me.id)
            await done(pair, await pair.send("un"))
            await sees(await named(bao, "Anne"), "un")
            seen = anne.person_info(me.id)
            await anne.verify(me.id)
            info = await first(seen, lambda info: info.verification == Verification.VERIFIED)
            self.assertEqual((info.person, info.me, info.device_count), (me, False, 1))
            self.assertEqual(info.safety_number, await anne.safety_number(me.id))
            listed = bao.devices

            async def second(right):
                is_it = lambda device: not device.this and right(device)
                return next(filter(is_it, await first(listed, lambda devices: any(map(is_it, devices)))))

            await world.enrol_device(me, "Bảo 2")
            device = await second(lambda device: device.missing_from == 1)
            await first(seen, lambda info: info.verification == Verification.CHANGED and info.device_count == 2)
            await bao.approve(device.id, device.number)
            await second(lambda device: device.missing_from == 0)
            await bao.revoke(device.id)
            await second(lambda device: device.revoked)
            await first(seen, lambda info: info.verification == Verification.VERIFIED)

            async def as_read():
                return await first(bao.devices) == await bao.device_list()

            await until(as_read)
            # They end with their client.
            anne.close()
            bao.close()
            for stream in (found, seen, listed):
                with self.assertRaises(StopAsyncIteration):
                    while True:
                        await asyncio.wait_for(anext(stream), 60)

    async def test_a_slow_reader_gets_what_is(self):
        with World() as world:
            anne = await world.enrol("Anne")
            alone = await anne.create_group("Alone")
            stream = alone.timeline().items
            sizes = [len(await anext(stream))]
            for number in range(400):
                await alone.send(f"{number}")
            while True:
                items = await asyncio.wait_for(anext(stream), 60)
                sizes.append(len(items))
                if text(messages(items)[-1]) == "399":
                    break
            self.assertLess(len(sizes), 40)

    async def test_messages_start_where_the_last_run_stopped(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            pair = await anne.pair((await find(anne, "Bảo")).id)
            for number in range(4):
                await pair.send(f"{number}")

            async def next_of(client, count):
                stream = client.messages
                got = [text(await asyncio.wait_for(anext(stream), 60)) for _ in range(count)]
                await stream.aclose()
                return got

            self.assertEqual(await next_of(bao, 2), ["0", "1"])
            # The second was given, but the next never asked for.
            self.assertEqual(await next_of(bao, 2), ["1", "2"])
            bao.close()
            self.assertEqual(await next_of(await world.open("Bảo"), 2), ["2", "3"])
            # A wait that was cancelled loses nothing.
            stream = world.clients[-1].messages
            self.assertEqual(text(await asyncio.wait_for(anext(stream), 60)), "3")
            for _ in range(20):
                with self.assertRaises(TimeoutError):
                    await asyncio.wait_for(anext(stream), 0.001)
            await pair.send("4")
            self.assertEqual(text(await asyncio.wait_for(anext(stream), 60)), "4")


if __name__ == "__main__":
    unittest.main()
