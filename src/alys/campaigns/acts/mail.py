"""Scenes about messages: bounds, lanes, order, what is put aside, what they are about, deaths, timers."""

from alys.actors.events import DeadLetter
from alys.actors.mailbox import Overflow
from alys.actors.message import Message
from alys.campaigns.acts.cast import (
    Arm,
    Disarm,
    Fail,
    Hand,
    Keep,
    Open,
    Post,
    PostWaiting,
    Say,
    Watch,
)
from alys.campaigns.acts.stage import Stage


async def bounds(stage: Stage) -> None:
    """A full mailbox does what its policy says, with exactly those messages that are too many."""
    for policy in Overflow:
        room, extra, reserve = 2 + stage.random.below(4), 1 + stage.random.below(3), 1
        (target,) = await stage.players(
            f"{policy.value}-target",
            mailbox_messages_max=room,
            mailbox_reserve=reserve,
            overflow=policy,
        )
        (sender,) = await stage.players(f"{policy.value}-sender")
        stage.system.suspend(target)
        await stage.moment()
        numbers = tuple(range(room + extra))
        post: Message = Post(to=target, numbers=numbers)
        if policy is Overflow.SUSPEND:
            post = PostWaiting(to=target, numbers=numbers)
        stage.tell(sender, post)
        await stage.moment()
        rule = f"{policy.value} at a bound of {room}, {len(numbers)} messages"
        stage.expect("bound", target.mailbox.count, room, f"what waits: {rule}")
        sent, refused = (
            stage.diary.numbers(sender.name, "sent"),
            stage.diary.numbers(sender.name, "full"),
        )
        stage.expect(
            "bound",
            sent,
            numbers[:room] if policy is Overflow.SUSPEND else (),
            f"what was let in: {rule}",
        )
        stage.expect(
            "bound",
            refused,
            numbers[room:] if policy is Overflow.FAIL else (),
            f"what was refused: {rule}",
        )
        urgent = Post(to=target, numbers=(100, 101), lane="high")
        if policy is Overflow.FAIL:
            stage.tell(sender, urgent)
            await stage.moment()
            stage.expect("bound", target.mailbox.count, room + reserve, f"the reserve: {rule}")
        stage.system.resume(target)
        await stage.moment()
        kept = {Overflow.SUSPEND: numbers, Overflow.DROP_OLD: numbers[extra:]}.get(
            policy, numbers[:room]
        )
        due = ((100,) if policy is Overflow.FAIL else ()) + kept
        stage.expect("bound", stage.said(target), due, f"what was handled: {rule}")


async def lanes(stage: Stage) -> None:
    """A higher lane is emptied first, a lane keeps its order, and the lowest comes to its turn too."""
    target, sender = await stage.players("target", "sender")
    stage.system.suspend(target)
    await stage.moment()
    posts = [
        Post(to=target, numbers=(0, 1, 2), lane="low"),
        Post(to=target, numbers=(10, 11, 12)),
        Post(to=target, numbers=(20, 21, 22), lane="high"),
    ]
    first = stage.random.below(3)
    stage.tell(sender, *posts[first:], *posts[:first])
    await stage.moment()
    stage.system.resume(target)
    await stage.moment()
    due = (20, 21, 22, 10, 11, 12, 0, 1, 2)
    stage.expect("lanes", stage.said(target), due, "the order of three lanes")


async def put_aside(stage: Stage) -> None:
    """What was put aside is handled before what came later, in its order; a restart brings it back too."""
    for crash in (False, True):
        word = "crash" if crash else "open"
        target = (await stage.up(stage.spec(f"{word}-target", closed=True)))[0]
        early, late = 2 + stage.random.below(3), 2 + stage.random.below(3)
        stage.tell(target, *(Keep(n=n) for n in range(early)))
        await stage.moment()
        stage.expect("aside", stage.said(target), (), "what it handled while it was closed")
        stage.system.suspend(target)
        await stage.moment()
        stage.tell(target, Fail() if crash else Open())
        stage.tell(target, *(Keep(n=n) for n in range(early, early + late)))
        await stage.moment()
        stage.system.resume(target)
        await stage.moment()
        due = tuple(range(early + late))
        stage.expect("aside", stage.said(target), due, f"{early} put aside, {late} later, {word}")


async def about(stage: Stage) -> None:
    """What a message is about goes along, from actor to actor and through a timer, and nowhere else."""
    row = await stage.players("first", "second", "third")
    operations = [f"operation-{number}" for number in range(3)]
    for number, operation in enumerate(operations):
        delay = 0.1 * stage.random.below(2)
        hand = Hand(n=number, along=tuple(row[1:]), delay_s=delay)
        stage.tell(row[0], hand, about=operation)
        stage.tell(row[0], Hand(n=10 + number, along=tuple(row[1:])))
    await stage.sleep(0.2)
    seen = {entry.n: entry.said for entry in stage.of(row[-1], "said")}
    due = dict(enumerate(operations)) | {10 + number: "None" for number in range(3)}
    stage.expect("about", sorted(seen.items()), sorted(due.items()), "what each message was about")


async def senders(stage: Stage) -> None:
    """Each sender's messages keep their order among those of others, and say who sent them."""
    target, *others = await stage.players("target", "a", "b", "c")
    count = 3 + stage.random.below(4)
    for number, sender in enumerate(others):
        stage.tell(
            sender, Post(to=target, numbers=tuple(range(100 * number, 100 * number + count)))
        )
    await stage.moment()
    for number, sender in enumerate(others):
        theirs = [entry for entry in stage.of(target, "said") if entry.n // 100 == number]
        due = list(range(100 * number, 100 * number + count))
        stage.expect("senders", [entry.n for entry in theirs], due, "the order of one sender")
        names = {entry.said.split(" ")[1] for entry in theirs}
        stage.expect("senders", names, {sender.path}, "who sent them")


async def deaths(stage: Stage) -> None:
    """Who watches hears of a death once, of no restart, after all that the dead one had sent; also of one that is past."""
    watcher, mortal, left = await stage.players("watcher", "mortal", "left")
    stage.tell(watcher, Watch(ref=mortal), Watch(ref=left))
    await stage.moment()
    for _ in range(1 + stage.random.below(3)):
        stage.tell(mortal, Fail())
        await stage.moment()
    stage.expect("deaths", stage.of(watcher, "gone"), [], "what a watcher hears of restarts")
    stage.system.suspend(watcher)
    await stage.moment()
    stage.tell(mortal, Post(to=watcher, numbers=(1, 2, 3)))
    await stage.moment()
    await stage.system.stop(mortal)
    stage.tell(watcher, Say(n=4), Watch(ref=left, watch=False))
    await stage.system.stop(left)
    stage.system.resume(watcher)
    await stage.moment()
    told = [
        entry.said if entry.what == "gone" else str(entry.n)
        for entry in stage.of(watcher, "said", "gone")
    ]
    due = ["1", "2", "3", mortal.name, "4"]
    stage.expect(
        "deaths",
        told,
        due,
        "what a watcher hears of one that it watches and one that it does not any more",
    )
    stage.tell(watcher, Watch(ref=mortal))
    await stage.moment()
    gone = [entry.said for entry in stage.of(watcher, "gone")]
    stage.expect(
        "deaths", gone, [mortal.name, mortal.name], "what it hears of one that is dead already"
    )


async def late_mail(stage: Stage) -> None:
    """What is sent to somebody who is gone is told as a dead letter, and so is what was left in the mailbox."""
    mortal, sender, ears = await stage.players("mortal", "sender", "ears")
    stage.system.events.subscribe(ears, DeadLetter)
    stage.system.suspend(mortal)
    await stage.moment()
    stage.tell(sender, Post(to=mortal, numbers=(1, 2)))
    await stage.moment()
    await stage.system.stop(mortal)
    stage.tell(sender, Post(to=mortal, numbers=(3,)))
    await stage.moment()
    stage.system.events.unsubscribe(ears)
    heard = [entry.n for entry in stage.of(ears, "dead") if entry.said == mortal.name]
    stage.expect("late-mail", heard, [1, 2, 3], "what was told as dead letters")
    stage.expect("late-mail", stage.said(mortal), (), "what it handled after it was stopped")


async def ticks(stage: Stage) -> None:
    """A tick comes at its time, to the life that ordered it, unless it was called off or replaced."""
    (child,) = await stage.players("child")
    wait = 0.2 + 0.1 * stage.random.below(4)
    begun = stage.now()
    stage.tell(child, Arm(n=1, seconds=wait), Arm(n=2, seconds=wait, key="k"))
    stage.tell(child, Arm(n=3, seconds=2 * wait, key="k"))
    await stage.sleep(2 * wait + 0.05)
    seen = [(entry.n, round(entry.at - begun, 3)) for entry in stage.of(child, "tick")]
    stage.expect(
        "ticks", seen, [(1, round(wait, 3)), (3, round(2 * wait, 3))], "one plain, one replaced"
    )
    stage.tell(child, Arm(n=4, seconds=wait), Arm(n=5, seconds=wait, every=True))
    await stage.moment()
    stage.tell(child, Fail())
    await stage.sleep(3 * wait)
    stage.expect(
        "ticks",
        stage.diary.numbers(child.name, "tick")[2:],
        (),
        "ticks of timers that a restart forgot",
    )
    for number, end in (
        (6, Fail()),
        (7, Disarm()),
    ):  # the tick is queued behind what makes it stale
        stage.tell(child, Arm(n=number, seconds=wait))
        await stage.moment()
        stage.system.suspend(child)
        await stage.moment()
        stage.tell(child, end)
        await stage.sleep(2 * wait)
        stage.system.resume(child)
        await stage.moment()
        ticked = stage.diary.numbers(child.name, "tick")[2:]
        stage.expect("ticks", ticked, (), f"a tick that was queued behind {type(end).__name__}")
    stage.tell(child, Arm(n=8, seconds=wait, every=True))
    begun = stage.now()
    await stage.sleep(3.5 * wait)
    seen = [(entry.n, round(entry.at - begun, 3)) for entry in stage.of(child, "tick")[2:]]
    due = [(8, round(turn * wait, 3)) for turn in (1, 2, 3)]
    stage.expect("ticks", seen, due, "ticks of one that goes on")


SCENES = (bounds, lanes, put_aside, about, senders, deaths, late_mail, ticks)
