import asyncio
import unittest
from datetime import datetime, timedelta, timezone

from pli import (
    Advice, Client, ClientState, Content, ItemId, InvitationProblem, Membership, Permission, PliError, Role, Subject,
    TimelineItem, Verification, What,
)
from world import World, done, find, first, messages, named, online, said, sees, text, until


class TalkTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_person_joins_opens_and_finds_others(self):
        with World() as world:
            with self.assertRaises(PliError.NotEnrolled) as none:
                await Client.open(world.place("Anne"), world.keys("Anne"))
            self.assertEqual(none.exception.advice(), Advice.RE_ENROL)
            link = world.invite("Anne")
            async with Client.join(world.place("Anne"), world.keys("Anne"), link) as anne:
                await online(anne)
                self.assertEqual((await anne.me()).name, "Anne")
                with self.assertRaises(PliError.StoreInUse):
                    await Client.open(world.place("Anne"), world.keys("Anne"))
            with self.assertRaises(PliError.AlreadyEnrolled):
                await Client.join(world.place("Anne"), world.keys("Anne"), link)
            with self.assertRaises(PliError.InvitationRefused) as used:
                await Client.join(world.place("Other"), world.keys("Other"), link)
            self.assertEqual(used.exception.why, InvitationProblem.USED)
            with self.assertRaises(PliError.Invalid):
                await Client.join(world.place("X"), world.keys("X"), "no link")
            anne = await world.open("Anne")
            await world.enrol("Bảo")
            bao = await find(anne, "Bảo")
            self.assertEqual(await anne.people("bao"), [bao])
            self.assertTrue(await anne.organisation())
            self.assertTrue((await anne.device_list())[0].this)

    async def test_two_people_talk_in_a_pair(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            them = (await find(anne, "Bảo")).id
            there = await anne.pair(them)
            sent = await there.send("Bonjour !")
            await done(there, sent)
            here = await named(bao, "Anne")
            hello = await sees(here, "Bonjour !")
            self.assertEqual((hello.id, hello.sender.name), (sent, "Anne"))
            await here.send("Salut 🌊", reply_to=hello.id)
            self.assertEqual((await sees(there, "Salut 🌊")).reply_to.entry, sent)
            number = await anne.safety_number(them)
            self.assertEqual(number, await bao.safety_number((await find(bao, "Anne")).id))
            self.assertEqual(len(number), 60)
            await anne.verify(them)
            self.assertEqual(await anne.verification(them), Verification.VERIFIED)

    async def test_a_lost_phone_is_revoked(self):
        with World() as world:
            anne = await world.enrol("Anne")
            me = await anne.me()
            lost = await world.enrol_device(me, "lost")

            async def device(right):
                return next((device for device in await anne.device_list() if not device.this and right(device)), None)

            listed = await until(lambda: device(lambda device: device.seen_on))
            self.assertEqual(await first(anne.warnings), [])
            await anne.revoke(listed.id)
            await until(lambda: device(lambda device: device.revoked))
            await first(lost.state, lambda state: state == ClientState.STOPPED(Advice.RE_ENROL))
            lost.close()
            place, keys = world.place("lost"), world.keys("lost")
            await Client.forget(place, keys)
            with self.assertRaises(PliError.NotEnrolled):
                await Client.open(place, keys)
            self.assertEqual(await (await world.enrol_device(me, "lost")).me(), me)

    async def test_each_message_is_told_of_once(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            there = await anne.pair((await find(anne, "Bảo")).id)
            await done(there, await there.send("un"))
            told = await first(bao.notices)
            self.assertEqual((told.sender.name, told.preview), ("Anne", "un"))
            here = await named(bao, "Anne")
            self.assertEqual(await here.first_unread(), told.message)
            await here.timeline().mark_read(told.message)
            self.assertIsNone(await here.first_unread())
            await here.mute(datetime.now(timezone.utc) + timedelta(hours=1))
            await done(there, await there.send("deux"))
            await sees(here, "deux")

            async def notifications():
                return [notice.preview for notice in (await bao.sync(timedelta(seconds=30))).notifications]

            self.assertEqual(await notifications(), [])
            await here.mute(None)
            await done(there, await there.send("trois"))
            await sees(here, "trois")
            self.assertEqual(await notifications(), ["trois"])
            self.assertEqual(await notifications(), [])
            self.assertGreater(await bao.storage_used(), 4096)

    async def test_a_group_takes_people_in_and_out(self):
        with World() as world:
            anne, bao, chloe = [await world.enrol(name) for name in ("Anne", "Bảo", "Chloé")]
            crue = await anne.create_group("Crue", [(await find(anne, "Bảo")).id])
            await first(crue.members, lambda members: len(members) == 2)
            here = await named(bao, "Crue")
            await done(crue, await crue.send("before"))
            await sees(here, "before")
            await done(crue, await crue.add([(await find(anne, "Chloé")).id]))
            there = await named(chloe, "Crue")
            await done(crue, await crue.send("to three"))
            await sees(there, "to three")
            self.assertNotIn("before", [text(message) for message in messages(await there.items())])
            names = sorted(member.person.name for member in await crue.member_list())
            self.assertEqual(names, ["Anne", "Bảo", "Chloé"])
            await done(crue, await crue.remove([(await find(anne, "Bảo")).id]))
            await first(here.info, lambda info: info.membership == Membership.REMOVED)
            await done(crue, await crue.send("without Bảo"))
            await sees(there, "without Bảo")
            self.assertNotIn("without Bảo", [text(message) for message in messages(await here.items())])
            with self.assertRaises(PliError.NotAllowed) as refused:
                await here.send("still there")
            self.assertEqual(refused.exception.advice(), Advice.ASK)
            await there.leave()
            await first(crue.members, lambda members: len(members) == 1)

    async def test_roles_say_who_may(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            them = (await find(anne, "Bảo")).id
            crue = await anne.create_group("Crue", [them])
            here = await named(bao, "Crue")
            self.assertEqual((await crue.current_info()).my_role, Role.OWNER)
            self.assertEqual((await here.current_info()).my_role, Role.MEMBER)
            self.assertNotIn(Permission.RENAME, (await here.current_info()).may)
            with self.assertRaises(PliError.NotAllowed):
                await here.rename("Digue")
            with self.assertRaises(PliError.NotAllowed):
                await here.remove([(await find(bao, "Anne")).id])
            await done(crue, await crue.set_least_role(Permission.POST, Role.ADMIN))
            await first(here.info, lambda info: Permission.POST not in info.may)
            with self.assertRaises(PliError.NotAllowed):
                await here.send("may I?")
            await done(crue, await crue.set_role(them, Role.ADMIN))
            info = await first(here.info, lambda info: info.my_role == Role.ADMIN)
            self.assertTrue({Permission.RENAME, Permission.POST} <= info.may)
            await done(here, await here.rename("Digue"))
            await first(crue.info, lambda info: info.name == "Digue")
            with self.assertRaises(PliError.Invalid):
                await crue.set_least_role(Permission.REMOVE, Role.MEMBER)

    async def test_every_kind_of_content_shows(self):
        with World() as world:
            anne, bao = await world.enrol("Anne"), await world.enrol("Bảo")
            them = (await find(anne, "Bảo")).id
            crue = await anne.create_group("Crue", [them])
            here = await named(bao, "Crue")
            before = datetime.now(timezone.utc) - timedelta(minutes=1)
            sent = await crue.send("Pompe 3 à l'arrêt 🌊", mentions=[them])
            seen = await sees(here, "Pompe 3 à l'arrêt 🌊")
            self.assertEqual(seen.content.mentions, [them])
            self.assertTrue(seen.sent_at > before and not seen.mine and seen.delivery is None)
            await first(here.info, lambda info: info.unread == 1)
            await here.timeline().mark_read(sent)
            self.assertEqual((await here.current_info()).unread, 0)
            await here.react(sent, "👍")
            all = await said(crue, lambda all: any(message.reactions for message in all))
            reaction = next(message for message in all if message.id == sent).reactions[0]
            self.assertEqual((reaction.emoji, reaction.people), ("👍", [them]))
            await here.react(sent, None)
            await said(crue, lambda all: any(message.id == sent and not message.reactions for message in all))
            await crue.edit(sent, "Pompe 4 à l'arrêt")
            self.assertIsNotNone((await sees(here, "Pompe 4 à l'arrêt")).edited_at)
            await here.send("Reçu", reply_to=sent)
            self.assertEqual((await sees(crue, "Reçu")).reply_to.entry, sent)
            await crue.delete(sent)
            all = await said(here, lambda all: any(isinstance(message.content, Content.DELETED) for message in all))
            gone = next(message for message in all if message.id == sent)
            self.assertEqual(gone.content.by, (await anne.me()).id)
            await done(crue, await crue.set_topic("Vidourle"))
            await done(crue, await crue.set_lifetime(timedelta(days=7)))
            await done(crue, await crue.rename("Décrue"))
            info = await first(here.info, lambda info: info.name == "Décrue")
            self.assertEqual((info.topic, info.lifetime), ("Vidourle", timedelta(days=7)))
            changes = [item.change.what for item in await here.items() if isinstance(item, TimelineItem.CHANGED)]
            self.assertIn(What.RENAMED("Décrue"), changes)
            self.assertIn(What.TOPIC_SET("Vidourle"), changes)
            late = datetime(2100, 1, 1, tzinfo=timezone.utc)
            await here.set_draft("à suivre")
            await here.mute(late)
            info = await here.current_info()
            self.assertEqual((info.draft, info.muted_until), ("à suivre", late))
            await here.mute(None)
            self.assertIsNone((await here.current_info()).muted_until)
            with self.assertRaises(PliError.Invalid) as empty:
                await crue.send("  ")
            self.assertEqual((empty.exception.what, empty.exception.advice()), (Subject.TEXT, Advice.ASK))
            with self.assertRaises(PliError.NotFound):
                await crue.react(ItemId("00" * 16), "👍")


if __name__ == "__main__":
    unittest.main()
