"""Scenes about failures: who is started again with whom, how often, in which order, when, and what climbs.

Each says what must come of it by the contract, worked out from what the scene itself did.
"""

from alys.actors.supervision import Backoff, Directive, Intensity, Restart, Strategy
from alys.campaigns.acts.cast import NEVER, Climbing, Diary, Fail, Inquire, Mild, Say
from alys.campaigns.acts.stage import MOMENT, Stage


def _order(diary: Diary, *what: str) -> list[str]:
    """Whom it befell, in order."""
    return [entry.who for entry in diary.entries if entry.what in what]


async def strategies(stage: Stage) -> None:
    """One of several children fails: with it go those that the strategy names, down in reverse order and up in order."""
    for strategy in Strategy:
        count = 3 + stage.random.below(3)
        names = [f"{strategy.value}{number}" for number in range(count)]
        victim = 1 + stage.random.below(count - 1)
        team = stage.above(
            f"{strategy.value}-team", [stage.spec(name) for name in names], strategy=strategy
        )
        await stage.up(team)
        full = [stage.named(name) for name in names]
        affected = {
            Strategy.ONE_FOR_ONE: full[victim : victim + 1],
            Strategy.ONE_FOR_ALL: full,
            Strategy.REST_FOR_ONE: full[victim:],
        }[strategy]
        begun = len(stage.diary.entries)
        stage.tell(stage.find(full[victim]), Fail())
        await stage.moment()
        since = [entry for entry in stage.diary.entries[begun:] if entry.who in full]
        down = [entry.who for entry in since if entry.what in ("ended", "stopped")]
        up = [entry.who for entry in since if entry.what == "started"]
        rule = f"{strategy.value}, {full[victim]} of {count} failed"
        stage.expect("strategy", sorted(set(up)), sorted(affected), f"who was restarted: {rule}")
        stage.expect("strategy", down, affected[::-1], f"the order down: {rule}")
        stage.expect("strategy", up, affected, f"the order up: {rule}")
        lives = [stage.diary.life(name) for name in full]
        due = [2 if name in affected else 1 for name in full]
        stage.expect("strategy", lives, due, f"instances: {rule}")


async def intensity(stage: Stage) -> None:
    """The restarts of all children together are counted, those of the last period, and one too many ends the supervisor."""
    allowed, period = 1 + stage.random.below(3), 2.0
    rule = Intensity(restarts=allowed, period_seconds=period)
    names = [stage.named(name) for name in ("a", "b")]
    team = stage.above(
        "team", [stage.spec("a"), stage.spec("b")], intensity=rule, restart=Restart.TEMPORARY
    )
    await stage.up(team)
    turn = stage.random.below(2)
    for number in range(2 * allowed + 1):  # never more than are allowed within the period
        if number and number % allowed == 0:
            await stage.sleep(period + 0.05)
        stage.tell(stage.find(names[(turn + number) % 2]), Fail())
        await stage.moment()
        alive = stage.living(team.name) is not None
        stage.expect(
            "intensity",
            alive,
            True,
            f"failure {number + 1}, {allowed} restarts in {period} s allowed",
        )
    await stage.sleep(period + 0.05)
    for number in range(allowed + 1):
        stage.tell(stage.find(names[(turn + number) % 2]), Fail())
        await stage.moment()
        alive = stage.living(team.name) is not None
        stage.expect(
            "intensity",
            alive,
            number < allowed,
            f"failure {number + 1} in a row, {allowed} restarts in {period} s allowed",
        )


async def climbing(stage: Stage) -> None:
    """A supervisor that has to give up is started again by its own, and so is one to which a failure was passed on."""
    tight = Intensity(restarts=1, period_seconds=10.0)
    child = stage.spec("child", directives=((Climbing, Directive.ESCALATE),))
    middle = stage.above("middle", [child], intensity=tight)
    await stage.up(stage.above("upper", [middle]))
    for _ in range(2):
        stage.tell(stage.find(child.name), Fail())
        await stage.moment()
    stage.expect(
        "climbing", stage.diary.life(child.name), 3, "started by a supervisor that gave up"
    )
    stage.tell(stage.find(child.name), Fail(climbing=True))
    await stage.moment()
    stage.expect(
        "climbing", stage.diary.life(child.name), 4, "started after a failure was passed on"
    )
    stage.tell(stage.find(child.name), Say(n=5))
    await stage.moment()
    stage.expect("climbing", stage.diary.numbers(child.name, "said"), (5,), "it works again")


async def directives(stage: Stage) -> None:
    """After a failure that is to be resumed the instance is kept; a temporary child that fails is gone."""
    kept = stage.spec("kept", directives=((Mild, Directive.RESUME),))
    fleeting = stage.spec("fleeting", restart=Restart.TEMPORARY)
    mild, gone = await stage.up(kept, fleeting)
    stage.tell(mild, Say(n=1), Fail(mild=True), Say(n=2))
    stage.tell(gone, Fail())
    await stage.moment()
    stage.expect("directive", stage.diary.life(kept.name), 1, "instances of one that is resumed")
    stage.expect("directive", stage.said(mild), (1, 2), "what one that is resumed handled")
    stage.expect(
        "directive", stage.living(fleeting.name), None, "a temporary child that failed is there"
    )
    stage.expect("directive", stage.diary.life(fleeting.name), 1, "instances of a temporary child")


async def backoff(stage: Stage) -> None:
    """Each restart in a row waits twice as long as the one before, up to a bound; what comes meanwhile is kept."""
    first = 0.1 * (1 + stage.random.below(3))
    pause = Backoff(min_seconds=first, max_seconds=4 * first)
    (child,) = await stage.players("child", backoff=pause)
    for number, due in enumerate((first, 2 * first, 4 * first, 4 * first)):
        failed = stage.now()
        stage.tell(child, Fail(), Say(n=number))
        await stage.moment()
        stage.tell(child, Say(n=10 + number))
        await stage.sleep(due + 3 * MOMENT)
        started = stage.of(child, "started")
        stage.expect("backoff", len(started), number + 2, f"instances after failure {number + 1}")
        stage.expect_time("backoff", started[-1].at - failed, due, f"wait {number + 1}")
        stage.expect(
            "backoff", stage.said(child)[-2:], (number, 10 + number), "what came while it waited"
        )


async def stopping(stage: Stage) -> None:
    """A tree ends from its leaves, last started first, each once; who is in the middle of something has so long and no longer."""
    limit = 0.5 + stage.random.below(4) / 4
    rock, hanging, leaf, early = (
        stage.spec("rock"),
        stage.spec("hanging", shutdown_seconds=limit),
        stage.spec("leaf"),
        stage.spec("early"),
    )
    branch = stage.above("branch", [hanging, leaf])
    tree = stage.above("tree", [early, branch], restart=Restart.TEMPORARY)
    await stage.up(rock, tree)
    never = Inquire(to=stage.find(rock.name), n=1, timeout_s=3600.0, delay_s=NEVER)
    stage.tell(stage.find(hanging.name), never)
    await stage.moment()
    begun = stage.now()
    await stage.system.stop(stage.find(tree.name))
    stage.expect_time(
        "stopping", stage.now() - begun, limit, "how long a tree with a hanging child takes"
    )
    ours = {hanging.name, leaf.name, early.name}
    order = [who for who in _order(stage.diary, "stopped") if who in ours]
    stage.expect("stopping", order, [leaf.name, early.name], "who ran its last hook, in order")
    stage.expect("stopping", stage.living(early.name), None, "it is there after its tree has ended")


async def in_hand(stage: Stage) -> None:
    """The message that an actor fails on is not given to it again, and every other once, in order."""
    (child,) = await stage.players("child")
    count = 4 + stage.random.below(4)
    bad = stage.random.below(count)
    stage.system.suspend(child)
    await stage.moment()
    stage.tell(child, *(Fail(n=n) if n == bad else Say(n=n) for n in range(count)))
    await stage.moment()
    stage.expect("suspended", stage.said(child), (), "what it handled while it was suspended")
    stage.system.resume(child)
    await stage.moment()
    fails = stage.diary.numbers(child.name, "fails")
    stage.expect("in-hand", fails, (bad,), "what it was given of the message that it fails on")
    due = tuple(n for n in range(count) if n != bad)
    stage.expect("in-hand", stage.said(child), due, f"what it handled beside message {bad}")


SCENES = (strategies, intensity, climbing, directives, backoff, stopping, in_hand)
