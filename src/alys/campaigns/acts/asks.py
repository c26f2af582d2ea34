"""Scenes about asks: every one ends, with its own answer or at once with the reason, and never later than was agreed."""

from alys.actors.errors import ActorError
from alys.actors.ref import Ref
from alys.campaigns.acts.cast import NEVER, Echo, Inquire, Say, reply_to
from alys.campaigns.acts.stage import EXACT, Stage


def _told(stage: Stage, asker: Ref) -> list[tuple[int, str, float]]:
    """Number, outcome and instant of each ask that is over."""
    return [(entry.n, entry.said, entry.at) for entry in stage.of(asker, "answered", "refused")]


async def answers(stage: Stage) -> None:
    """Whoever asks gets the answer to his own question, in whatever order they are given."""
    target, *askers = await stage.players("target", "a", "b", "c")
    delays = [0.3, 0.2, 0.1]
    first = stage.random.below(3)
    delays = delays[first:] + delays[:first]
    for number, (asker, delay) in enumerate(zip(askers, delays, strict=True)):
        stage.tell(asker, Inquire(to=target, n=number, timeout_s=1.0, delay_s=delay))
        stage.tell(asker, Inquire(to=target, n=10 + number, timeout_s=1.0))
    await stage.sleep(0.5)
    for number, asker in enumerate(askers):
        due = [(n, str(reply_to(n))) for n in (number, 10 + number)]
        stage.expect(
            "answers", [told[:2] for told in _told(stage, asker)], due, "two questions of one asker"
        )
    stage.expect("slots", _owed(target), 0, "answers that are still owed")


async def timeouts(stage: Stage) -> None:
    """An ask that is not answered ends at its time; an answer that comes later is nobody's, least of all the next one's."""
    target, asker = await stage.players("target", "asker")
    timeout = 0.2 + 0.1 * stage.random.below(3)
    begun = stage.now()
    stage.tell(asker, Inquire(to=target, n=1, timeout_s=timeout, delay_s=timeout + 0.1))
    stage.tell(asker, Inquire(to=target, n=2, timeout_s=5.0, delay_s=0.3))
    await stage.sleep(timeout + 0.6)
    told = _told(stage, asker)
    due = [(1, "AskTimeout"), (2, str(reply_to(2)))]
    stage.expect("answers", [one[:2] for one in told], due, "one that is late and the one after it")
    stage.expect_time("timeouts", told[0][2] - begun, timeout, "when it was given up")
    stage.expect_time("timeouts", told[1][2] - told[0][2], 0.3, "when the next was answered")


async def refusals(stage: Stage) -> None:
    """An ask whose target fails, refuses or is stopped ends at once, and says why; one to somebody dead too."""
    names = ("fails", "refuses", "stops", "dead")
    targets = await stage.players(*names)
    askers = await stage.players(*(f"asks-{name}" for name in names))
    await stage.system.stop(targets[3])
    stage.system.suspend(targets[2])
    await stage.moment()
    begun = stage.now()
    hows = ("fail", "refuse", "answer", "answer")
    for number, (asker, target, how) in enumerate(zip(askers, targets, hows, strict=True)):
        stage.tell(asker, Inquire(to=target, n=number, timeout_s=60.0, how=how))
    await stage.moment()
    asked = stage.now()
    await stage.system.stop(targets[2])
    await stage.moment()
    due = ("AskFailed", "InjectedFault", "ActorStopped", "ActorStopped")
    for number, (asker, error) in enumerate(zip(askers, due, strict=True)):
        told = _told(stage, asker)
        stage.expect(
            "refusals",
            [one[:2] for one in told],
            [(number, error)],
            f"one whose target {names[number]}",
        )
        since = asked if number == 2 else begun
        stage.expect_time("refusals", told[0][2], since, "when it ended")


async def owed(stage: Stage) -> None:
    """An answer that was put off is refused when the one who owes it is restarted or ends, and the debt with it."""
    target, asker = await stage.players("target", "asker")
    stage.tell(asker, Inquire(to=target, n=1, timeout_s=60.0, delay_s=NEVER))
    await stage.moment()
    stage.expect("slots", _owed(target), 1, "answers that are owed")
    begun = stage.now()
    try:  # from outside: it crashes over it
        await stage.system.ask(target, Echo(n=2, how="fail"), timeout=1.0)
    except ActorError as error:
        stage.expect(
            "refusals", type(error).__name__, "AskFailed", "an ask from outside that fails"
        )
    await stage.moment()
    told = _told(stage, asker)
    stage.expect(
        "refusals", [one[:2] for one in told], [(1, "ActorStopped")], "one that was owed an answer"
    )
    within = told[0][2] - begun <= EXACT + 0.01
    stage.expect("refusals", within, True, "it ended when its target was restarted")
    stage.expect("slots", _owed(target), 0, "answers that are still owed")


async def circles(stage: Stage) -> None:
    """Two that wait for each other are told so at once; the one who waits handles nothing else meanwhile."""
    target, asker = await stage.players("target", "asker")
    stage.tell(asker, Inquire(to=target, n=1, timeout_s=60.0, delay_s=0.3), Say(n=2))
    await stage.sleep(0.2)
    stage.expect(
        "one-at-a-time", stage.said(asker), (), "what it handled while it waited for an answer"
    )
    await stage.sleep(0.2)
    stage.expect("one-at-a-time", stage.said(asker), (2,), "what it handled when it had its answer")
    stage.tell(asker, Inquire(to=asker, n=3, timeout_s=60.0))
    await stage.moment()
    stage.expect(
        "circles",
        [one[:2] for one in _told(stage, asker)][1:],
        [(3, "AskCycle")],
        "one that asks itself",
    )


def _owed(ref: Ref) -> int:
    more = ref.cell.belongings
    return len(more.promises) if more is not None else 0


SCENES = (answers, timeouts, refusals, owed, circles)
