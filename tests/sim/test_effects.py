"""Everything that the runtime reports is in the list, once, with who, what, when and why."""

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.mailbox import Overflow
from alys.actors.supervision import ChildSpec, Directive
from alys.sim.testkit import ActorKit
from tests.sim.counter import Add, Added, Counter, Total


def test_the_life_of_an_actor_is_told_in_order() -> None:
    with ActorKit() as kit:
        listener = kit.probe("listener")
        counter = kit.spawn(lambda: Counter(listener.ref), "counter")
        kit.tell(counter, Add(amount=1))
        kit.settle()
        kit.advance(1.5)
        kit.allow_failures()
        kit.tell(counter, Add(amount=-1))
        kit.settle()
        kit.stop(counter)
        told = [str(effect) for effect in kit.effects.all if effect.actor == counter]
        assert told == [
            "0 s: /test/counter spawned",
            "0 s: /test/counter sent Add(amount=1) from /test",
            "1.5 s: /test/counter sent Add(amount=-1) from /test",
            "1.5 s: /test/counter failed Add(amount=-1) [ValueError: a counter only goes up]",
            "1.5 s: /test/counter dead_letter Add(amount=-1) from /test (failed)",
            "1.5 s: /test/counter restarted (incarnation 1) [ValueError: a counter only goes up]",
            "1.5 s: /test/counter stopped (shutdown: system)",
        ]


def test_questions_are_about_one_actor_or_about_all() -> None:
    with ActorKit() as kit:
        kit.allow_failures()
        one, other = (
            kit.spawn(lambda: Counter(kit.system.outside), name) for name in ("one", "other")
        )
        for ref, times in ((one, 1), (other, 2)):
            for _ in range(times):
                kit.tell(ref, Add(amount=-1))
        kit.settle()
        effects = kit.effects
        assert effects.spawns() == effects.living == [one, other]
        assert (effects.restarts(one), effects.restarts(other), effects.restarts()) == (1, 2, 3)
        assert [type(error) for error in effects.failures(other)] == [ValueError, ValueError]
        assert effects.messages(one) == [Add(amount=-1)]
        assert effects.stop_reason(one) is None
        assert len(effects.dead_letters()) == 3
    assert (effects.living, effects.stop_reason(one)) == ([], "shutdown: parent")


def test_a_failure_that_is_passed_over_is_told() -> None:
    with ActorKit() as kit:
        kit.allow_failures(ValueError)
        spec = ChildSpec(
            factory=lambda: Counter(kit.system.outside),
            name="counter",
            directives=((ValueError, Directive.RESUME),),
        )
        counter = kit.spawn(spec)
        kit.tell(counter, Add(amount=-1))
        kit.settle()
        assert (len(kit.effects.of("resumed", counter)), kit.effects.restarts()) == (1, 0)


def test_what_a_full_mailbox_drops_is_told_and_nothing_stays_open() -> None:
    with ActorKit() as kit:
        probe = kit.probe()
        for policy, survivors in ((Overflow.DROP_OLD, [2, 3]), (Overflow.DROP_NEW, [1, 2])):
            spec = ChildSpec(
                factory=lambda: Counter(probe.ref),
                name=policy.value,
                mailbox_messages_max=2,
                overflow=policy,
            )
            counter = kit.spawn(spec)
            for amount in (1, 2, 3):
                kit.tell(counter, Add(amount=amount))
            kit.settle()
            (drop,) = kit.effects.drops(counter)
            assert drop.message == Add(amount=({1, 2, 3} - set(survivors)).pop())
            assert [probe.expect(Added).total for _ in survivors] == [survivors[0], sum(survivors)]
        assert kit.effects.open_messages == []


def test_what_waits_is_open_until_it_is_handled() -> None:
    class Idle(Actor):
        def on_total(self, message: Total, ctx: Context) -> int:
            return 1

    with ActorKit() as kit:
        idle = kit.spawn(Idle, "idle")
        kit.tell(idle, Total())
        assert kit.effects.open_messages == ["Total() from /test to /test/idle"]
        kit.settle()
        assert kit.effects.open_messages == []
