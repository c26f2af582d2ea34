"""A probe plays an actor's part, and says well what it missed."""

import pytest

from alys.actors.errors import AskFailed, AskTimeout
from alys.actors.message import Message
from alys.sim.testkit import ActorKit
from tests.sim.counter import Add, Added, Counter, Fetch, Load, Remind, Total

# What it gets


def test_expect_returns_the_next_message_as_its_type() -> None:
    with ActorKit() as kit:
        listener = kit.probe("listener")
        counter = kit.spawn(lambda: Counter(listener.ref), "counter")
        listener.tell(counter, Add(amount=2))
        listener.tell(counter, Add(amount=3))
        assert listener.expect(Added).total + listener.expect(Added).total == 2 + 5


def test_a_message_of_another_type_fails_and_the_text_says_what_came_and_what_is_open() -> None:
    with ActorKit(seed=7) as kit:
        listener, store = kit.probe("listener"), kit.probe("store")
        counter = kit.spawn(lambda: Counter(listener.ref, store.ref), "counter")
        kit.tell(counter, Add(amount=1))
        kit.tell(counter, Add(amount=1))
        kit.tell(counter, Load(key="a"))
        kit.tell(counter, Add(amount=1))
        kit.settle()
        with pytest.raises(AssertionError) as caught:
            listener.expect(Fetch, within_seconds=2.5)
    assert str(caught.value).splitlines() == [
        "probe 'listener' expected Fetch within 2.5 s; Added(total=1) came instead",
        "untaken: Added(total=2)",
        "at 0 s, seed 7:",
        "  /test/store: owes 1 replies",
        "  /test/counter: 1 queued, waits for /test/store",
    ]


def test_when_nothing_comes_all_the_time_is_waited_and_that_is_said() -> None:
    with ActorKit() as kit:
        with pytest.raises(
            AssertionError, match=r"expected Added within 3 s; nothing came\nat 3 s"
        ):
            kit.probe().expect(Added)
        assert kit.now == 3.0


def test_a_missing_message_is_told_together_with_the_crash_that_explains_it() -> None:
    with ActorKit() as kit:
        kit.allow_failures()
        listener = kit.probe()
        counter = kit.spawn(lambda: Counter(listener.ref), "counter")
        kit.tell(counter, Add(amount=-1))
        with pytest.raises(
            AssertionError,
            match=r"nothing came\nan actor failed: 0 s: /test/counter .*only goes up",
        ):
            listener.expect(Added)


def test_what_comes_at_the_last_moment_is_in_time() -> None:
    with ActorKit() as kit:
        listener = kit.probe()
        kit.tell(kit.spawn(lambda: Counter(listener.ref), "counter"), Remind())
        kit.settle()
        with pytest.raises(AssertionError, match="nothing came"):
            listener.expect(Added, within_seconds=3599.0)
        listener.expect(Added, within_seconds=1.0)
        assert kit.now == 3600.0


def test_an_exact_message_is_expected_with_all_its_fields() -> None:
    with ActorKit() as kit:
        probe, other = kit.probe("probe"), kit.probe("other")
        other.tell(probe.ref, Added(total=1))
        other.tell(probe.ref, Added(total=1))
        assert probe.expect_message(Added(total=1)) == Added(total=1)
        with pytest.raises(
            AssertionError, match=r"expected Added\(total=2\) within 3 s; Added\(total=1\) came"
        ):
            probe.expect_message(Added(total=2))


def test_a_subclass_with_equal_fields_is_another_message() -> None:
    class Increased(Added, frozen=True, kw_only=True):
        pass

    with ActorKit() as kit:
        probe = kit.probe()
        kit.tell(probe.ref, Increased(total=1))
        with pytest.raises(AssertionError, match="came instead"):
            probe.expect_message(Added(total=1))


def test_fishing_throws_away_what_does_not_fit() -> None:
    with ActorKit() as kit:
        probe = kit.probe()
        for total in (1, 2, 3, 4):
            kit.tell(probe.ref, Added(total=total))
        assert probe.fish_for(lambda m: isinstance(m, Added) and m.total == 3) == Added(total=3)
        assert probe.expect(Added).total == 4


def test_fishing_in_vain_tells_what_was_thrown_away() -> None:
    with ActorKit() as kit:
        probe = kit.probe()
        with pytest.raises(AssertionError, match="within 5 s; nothing came"):
            probe.fish_for(lambda m: True, within_seconds=5.0)
        kit.tell(probe.ref, Added(total=1))
        kit.tell(probe.ref, Added(total=2))
        only = r"within 5 s; only Added\(total=1\), Added\(total=2\) came"
        with pytest.raises(AssertionError, match=only):
            probe.fish_for(lambda m: isinstance(m, Add), within_seconds=5.0)
        assert kit.now == 10.0


def test_silence_is_expected_for_a_time_to_the_moment() -> None:
    with ActorKit() as kit:
        listener = kit.probe()
        kit.tell(kit.spawn(lambda: Counter(listener.ref), "counter"), Remind())
        listener.expect_nothing()
        listener.expect_nothing(3599.0)
        assert kit.now == 3599.0
        with pytest.raises(
            AssertionError, match=r"expected nothing .*; Added\(total=0\) came at 3600"
        ):
            listener.expect_nothing(10.0)


def test_what_waits_untaken_is_not_silence() -> None:
    with ActorKit() as kit:
        probe = kit.probe()
        kit.tell(probe.ref, Added(total=1))
        kit.settle()
        with pytest.raises(AssertionError, match="expected nothing"):
            probe.expect_nothing()


def test_a_watched_death_is_expected_behind_what_the_dead_had_sent() -> None:
    with ActorKit() as kit:
        listener = kit.probe()
        counter = kit.spawn(lambda: Counter(listener.ref), "counter")
        listener.watch(counter)
        kit.tell(counter, Add(amount=1))
        kit.settle()
        kit.stop(counter)
        listener.expect(Added)
        assert listener.expect_terminated(counter).reason == "shutdown: system"


def test_the_death_of_another_is_not_the_one_expected() -> None:
    with ActorKit() as kit:
        probe, one, other = kit.probe("probe"), kit.probe("one"), kit.probe("other")
        probe.watch(one.ref)
        probe.watch(other.ref)
        kit.stop(other.ref)
        with pytest.raises(AssertionError, match=r"expected Terminated of /test/one .*other"):
            probe.expect_terminated(one.ref)


def test_waiting_for_a_death_without_watching_is_told_at_once() -> None:
    with ActorKit() as kit:
        probe, one = kit.probe("probe"), kit.probe("one")
        probe.watch(one.ref)
        probe.unwatch(one.ref)
        with pytest.raises(AssertionError, match="this probe does not watch it"):
            probe.expect_terminated(one.ref)
        assert kit.now == 0.0


def test_the_last_message_has_its_sender_and_what_it_is_about() -> None:
    with ActorKit() as kit:
        store = kit.probe("store")
        counter = kit.spawn(lambda: Counter(store.ref, store.ref), "counter")
        with pytest.raises(AssertionError, match="'store' has taken no message yet"):
            _ = store.last
        kit.tell(counter, Load(key="k"))
        store.expect(Fetch)
        assert (store.last.sender, store.last.about) == (counter, "k")


# What it says


def test_it_answers_the_ask_that_was_taken_last() -> None:
    with ActorKit() as kit:
        store = kit.probe("store")
        counter = kit.spawn(lambda: Counter(store.ref, store.ref), "counter")
        answer = kit.begin_ask(counter, Load(key="k"))
        assert store.expect(Fetch).key == "k"
        store.reply(42)
        assert kit.result_of(answer) == 42
        with pytest.raises(
            AssertionError, match="taken no ask that is still open; expect it first"
        ):
            store.reply(43)


def test_several_asks_are_answered_in_any_order() -> None:
    with ActorKit() as kit:
        probe = kit.probe()
        answers = [kit.begin_ask(probe.ref, Fetch(key=key)) for key in "abc"]
        first, second, third = (probe.expect(Fetch) for _ in answers)
        probe.reply(2, to=second)
        probe.reply(3)
        probe.reply(1, to=first)
        assert [kit.result_of(answer) for answer in answers] == [1, 2, 3]
        with pytest.raises(AssertionError, match="no open ask Fetch"):
            probe.reply(3, to=third)


def test_an_ask_that_was_not_taken_cannot_be_answered() -> None:
    with ActorKit() as kit:
        probe = kit.probe()
        kit.begin_ask(probe.ref, Fetch(key="a"))
        kit.settle()
        with pytest.raises(AssertionError, match="expect it first"):
            probe.reply(1)


def test_a_request_that_was_only_told_is_owed_no_answer() -> None:
    with ActorKit() as kit:
        probe = kit.probe()
        kit.tell(probe.ref, Fetch(key="a"))
        probe.expect(Fetch)
        with pytest.raises(AssertionError, match="no ask"):
            probe.reply(1)


def test_a_refusal_is_what_the_asker_gets() -> None:
    with ActorKit() as kit:
        store = kit.probe("store")
        counter = kit.spawn(lambda: Counter(store.ref, store.ref), "counter")
        answer = kit.begin_ask(counter, Load(key="k"))
        store.expect(Fetch)
        store.refuse(LookupError("k"))
        with pytest.raises(AskFailed, match="LookupError: k"):
            kit.result_of(answer)
        kit.allow_failures(LookupError)


def test_it_asks_as_itself() -> None:
    with ActorKit() as kit:
        probe, other = kit.probe("probe"), kit.probe("other")
        counter = kit.spawn(lambda: Counter(probe.ref), "counter")
        assert probe.ask(counter, Total()) == 0
        answer = probe.begin_ask(other.ref, Total())
        other.expect(Total)
        assert other.last.sender == probe.ref
        other.reply(5)
        assert kit.result_of(answer) == 5


def test_the_deadline_of_an_ask_runs_from_the_moment_it_began() -> None:
    with ActorKit() as kit:
        probe, other = kit.probe("probe"), kit.probe("other")
        answers = [
            probe.begin_ask(other.ref, Total(), timeout=2.0),
            kit.begin_ask(other.ref, Total(), timeout=2.0),
        ]
        kit.advance(2.0)
        for _ in answers:
            other.expect(Total)
            other.reply(5)
        for answer in answers:
            with pytest.raises(AskTimeout):
                kit.result_of(answer)


def test_what_it_tells_is_about_what_the_test_says_and_nothing_else() -> None:
    with ActorKit() as kit:
        probe, other = kit.probe("probe"), kit.probe("other")
        other.tell(probe.ref, Added(total=1), about="first")
        probe.expect(Added)
        assert probe.last.about == "first"
        probe.tell(other.ref, Added(total=2))
        other.expect(Added)
        assert (other.last.about, other.last.sender) == (None, probe.ref)


def test_it_takes_messages_of_any_type() -> None:
    class Odd(Message, frozen=True, kw_only=True):
        pass

    with ActorKit() as kit:
        probe = kit.probe()
        kit.tell(probe.ref, Odd())
        assert probe.expect(Odd) == Odd()
        assert kit.effects.dead_letters() == []
