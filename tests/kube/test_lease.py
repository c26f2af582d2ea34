"""Turns at the chains: one at a time, first come first served, and nobody waits for the dead.

The parties are threads in virtual time, each with a client of its own on the stand-in API server.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from alys.base import turns
from alys.base.prng import SeededRandom
from alys.kube import client, lease, waiting
from tests.kube.clocks import Shared, View
from tests.kube.conftest import NAMESPACE
from tests.kube.standin.server import StandIn


class Party:
    """One process that wants the chains."""

    def __init__(self, stage: "Stage", name: str, wall_offset_s: float = 0.0) -> None:
        self.name = name
        self.stage = stage
        self.clock = View(stage.shared, wall_offset_s)
        environment = {"KUBECONFIG": str(stage.kubeconfig)}
        self.cluster = client.connect(environment, namespace=NAMESPACE, ticks=self.clock)
        self.lease = lease.ClusterLease(self.cluster)
        self.told: list[str] = []

    def acquire(self) -> None:
        self.lease.acquire(self.name, self.told.append)
        self.stage.say(self.name, "holds")

    def hold(self, seconds: float) -> None:
        """Renew every five seconds."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.wait(min(5.0, end - self.clock.now()))
            self.lease.renew()

    def release(self) -> None:
        self.stage.say(self.name, "lets go")
        self.lease.release()


class Stage:
    """Virtual time, the server, and what happened when."""

    def __init__(self, standin: StandIn, kubeconfig: Path) -> None:
        self.standin = standin
        self.kubeconfig = kubeconfig
        self.shared = Shared()
        self.said: list[tuple[float, str, str]] = []

    def say(self, who: str, what: str) -> None:
        self.said.append((self.shared.time, who, what))

    def when(self, who: str, what: str) -> float:
        return next(time for time, name, event in self.said if (name, event) == (who, what))

    def lease(self) -> client.Document:
        return self.standin.get("Lease", lease.NAME, NAMESPACE)


@pytest.fixture
def stage(standin: StandIn, kubeconfig: Path, cluster: client.Cluster) -> Stage:
    assert cluster.namespace == NAMESPACE
    return Stage(standin, kubeconfig)


def later(party: Party, seconds: float, act: Callable[[], None]) -> Callable[[], None]:
    def live() -> None:
        party.clock.wait(seconds)
        act()

    return live


def test_who_comes_first_makes_the_lease(stage: Stage) -> None:
    party = Party(stage, "run-1")
    stage.shared.run(party.acquire)
    assert stage.lease()["spec"] == {
        "holderIdentity": "run-1",
        "leaseDurationSeconds": 30,
        "acquireTime": "2027-01-15T08:00:00.000000Z",
        "renewTime": "2027-01-15T08:00:00.000000Z",
        "leaseTransitions": 1,
    }
    assert party.told == []


def test_two_at_the_same_moment_get_it_one_after_the_other(stage: Stage) -> None:
    parties = [Party(stage, name) for name in ("a", "b")]

    def live(party: Party) -> Callable[[], None]:
        def act() -> None:
            party.acquire()
            party.hold(10)
            party.release()

        return act

    stage.shared.run(*(live(party) for party in parties))
    assert [(who, what) for _, who, what in stage.said] == [
        ("a", "holds"),
        ("a", "lets go"),
        ("b", "holds"),
        ("b", "lets go"),
    ]


def test_waiters_are_served_in_the_order_they_came_and_are_told_who_holds_it(stage: Stage) -> None:
    first, second, third = (Party(stage, name) for name in ("serve", "run-2", "run-3"))
    wanted: list[str] = []

    def hold() -> None:
        first.acquire()
        first.hold(20)
        wanted.append(first.lease.wanted())
        first.release()

    def follow(party: Party) -> Callable[[], None]:
        def act() -> None:
            party.acquire()
            party.hold(10)
            party.release()

        return act

    stage.shared.run(hold, later(third, 4, follow(third)), later(second, 3, follow(second)))
    assert wanted == ["run-2"]
    assert [who for _, who, what in stage.said if what == "holds"] == ["serve", "run-2", "run-3"]
    assert {*second.told} == {"serve"}
    assert len(second.told) == pytest.approx(17, abs=1)  # about once a second
    assert third.told[-1] == "run-2"
    assert stage.when("run-2", "holds") - stage.when("serve", "lets go") <= lease.POLL_SECONDS


def test_a_holder_that_lets_go_does_not_overtake_who_waited(stage: Stage) -> None:
    serve, run = Party(stage, "serve"), Party(stage, "run")

    def keep() -> None:
        serve.acquire()
        serve.hold(10)
        serve.release()
        serve.acquire()

    def use() -> None:
        run.acquire()
        run.hold(10)
        run.release()

    stage.shared.run(keep, later(run, 5, use))
    assert [who for _, who, what in stage.said if what == "holds"] == ["serve", "run", "serve"]


def test_a_dead_holder_is_replaced_by_the_clock_of_who_waits(stage: Stage) -> None:
    # Dates a day apart, both ways: nothing may be decided by comparing them.
    dead, eager = Party(stage, "dead", -86_400.0), Party(stage, "eager", 86_400.0)

    def die() -> None:
        dead.acquire()
        dead.hold(10)

    stage.shared.run(die, later(eager, 1, eager.acquire))
    waited_s = stage.when("eager", "holds") - 10
    assert lease.LEASE_SECONDS <= waited_s <= lease.LEASE_SECONDS + 2 * lease.POLL_SECONDS


def test_a_living_holder_keeps_it_whatever_the_date(stage: Stage) -> None:
    holder, eager = Party(stage, "holder", -86_400.0), Party(stage, "eager", 86_400.0)

    def hold() -> None:
        holder.acquire()
        holder.hold(300)
        holder.release()

    stage.shared.run(hold, later(eager, 1, eager.acquire))
    assert stage.when("eager", "holds") >= 300


def test_its_own_name_in_the_lease_is_nobody_s_proof(stage: Stage) -> None:
    """A container that was restarted has the name of the one that died, and perhaps did not die."""
    before, after = Party(stage, "pod-0"), Party(stage, "pod-0")

    def die() -> None:
        before.acquire()

    stage.shared.run(die, later(after, 1, after.acquire))
    assert stage.said[-1][0] >= lease.LEASE_SECONDS
    with pytest.raises(turns.TurnLost):
        before.lease.renew()


def test_a_dead_waiter_stands_in_nobody_s_way(stage: Stage) -> None:
    holder, dead, living = (Party(stage, name) for name in ("holder", "dead", "living"))
    wanted: list[str] = []

    class Killed(BaseException):
        pass

    def hold() -> None:
        holder.acquire()
        holder.hold(5)
        wanted.append(holder.lease.wanted())
        holder.hold(waiting.WAITER_SECONDS + 5)
        wanted.append(holder.lease.wanted())
        holder.release()

    def die() -> None:
        def told(_holder: str) -> None:
            raise Killed

        # Killed before it can clean up after itself: what it says from now on does not arrive.
        with pytest.raises(Killed):
            dead.lease.acquire("dead", told)

    dead.lease._leave = lambda: None  # type: ignore[method-assign]
    stage.shared.run(hold, later(dead, 1, die), later(living, 2, living.acquire))
    assert wanted == ["dead", "living"]
    assert waiting.read(stage.lease()).queue == ()
    assert stage.when("living", "holds") - stage.when("holder", "lets go") <= lease.POLL_SECONDS


def test_a_wait_that_is_given_up_leaves_the_queue(stage: Stage) -> None:
    holder, other = Party(stage, "holder"), Party(stage, "other")
    wanted: list[str] = []

    def give_up(holder_now: str) -> None:
        assert holder_now == "holder"
        if other.clock.now() > 4:
            raise turns.NoTurn("too long")

    def wait() -> None:
        with pytest.raises(turns.NoTurn):
            other.lease.acquire("other", give_up)

    def hold() -> None:
        holder.acquire()
        for _ in range(2):
            holder.clock.wait(3)
            wanted.append(holder.lease.wanted())

    stage.shared.run(hold, later(other, 1, wait))
    assert wanted == ["other", ""]
    assert waiting.read(stage.lease()).queue == ()


@pytest.mark.parametrize("name", ["thief", "holder"])
def test_renew_raises_when_another_has_it_whatever_its_name(stage: Stage, name: str) -> None:
    holder = Party(stage, "holder")
    stage.shared.run(holder.acquire)
    taken = stage.lease()
    taken["spec"] |= {"holderIdentity": name, "leaseTransitions": 2}
    holder.cluster.replace(client.LEASES, taken)
    with pytest.raises(turns.TurnLost, match=f"is held by {name} now"):
        holder.lease.renew()
    with pytest.raises(turns.TurnLost, match="not held here"):
        holder.lease.renew()
    holder.lease.release()  # harmless
    assert stage.lease()["spec"]["holderIdentity"] == name


def test_renew_raises_when_the_lease_is_gone(stage: Stage) -> None:
    holder = Party(stage, "holder")
    stage.shared.run(holder.acquire)
    holder.cluster._ask("DELETE", client.LEASES, lease.NAME, None, 5.0, 1)
    with pytest.raises(turns.TurnLost, match="was deleted"):
        holder.lease.renew()


def test_a_silent_server_is_borne_for_a_while_and_then_the_turn_is_lost_in_time(
    stage: Stage,
) -> None:
    holder = Party(stage, "holder")
    lost: list[float] = []

    def hold() -> None:
        holder.acquire()
        holder.hold(10)
        stage.standin.refuse_next("GET", 503, times=3)
        holder.hold(15)  # three renewals fail
        holder.hold(5)  # and one succeeds
        stage.standin.refuse_next("GET", 0, times=50)
        began = holder.clock.now()
        with pytest.raises(turns.TurnLost, match="could not be renewed for 20 s"):
            holder.hold(60)
        lost.append(holder.clock.now() - began)
        stage.standin.answer_again()

    stage.shared.run(hold)
    assert lost == [20.0]
    assert lost[0] < lease.LEASE_SECONDS


def test_a_holder_that_was_suspended_has_lost_without_asking(stage: Stage) -> None:
    holder = Party(stage, "holder")

    def sleep() -> None:
        holder.acquire()
        holder.clock.wait(lease.LEASE_SECONDS)
        with pytest.raises(turns.TurnLost, match="was not renewed in time"):
            holder.lease.renew()

    stage.shared.run(sleep)


def test_a_write_whose_answer_was_lost_is_recognised(stage: Stage) -> None:
    holder, other = Party(stage, "holder"), Party(stage, "other")

    def hold() -> None:
        stage.standin.refuse_next("POST", 0, done=True)
        holder.acquire()
        holder.hold(5)
        holder.release()

    def take() -> None:
        stage.standin.refuse_next("PUT", 0, done=True)
        other.acquire()

    stage.shared.run(hold, later(other, 10, take))
    assert stage.when("holder", "holds") == lease.POLL_SECONDS
    assert stage.when("other", "holds") == 10 + lease.POLL_SECONDS


def test_a_server_that_never_answers_ends_the_wait(stage: Stage) -> None:
    party = Party(stage, "run")
    stage.standin.refuse_next("GET", 503, times=200)

    def wait() -> None:
        with pytest.raises(client.Unreachable, match="the test asked for this"):
            party.acquire()

    stage.shared.run(wait)
    assert stage.shared.time == lease.SILENCE_SECONDS
    assert {*party.told} == {"nobody yet; the API server does not answer"}


def test_a_missing_namespace_is_said(standin: StandIn, kubeconfig: Path) -> None:
    party = Party(Stage(standin, kubeconfig), "run")
    with pytest.raises(client.NotFound, match=f'namespaces "{NAMESPACE}" not found'):
        party.lease.acquire("run", party.told.append)


def test_taking_it_twice_is_our_own_mistake(stage: Stage) -> None:
    party = Party(stage, "run")
    stage.shared.run(party.acquire)
    with pytest.raises(Exception, match="held already"):
        party.acquire()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_never_two_at_once_though_some_die_and_the_server_stumbles(stage: Stage, seed: int) -> None:
    chance = SeededRandom(seed)
    tenures: list[tuple[float, float]] = []

    def life(party: Party, random: SeededRandom) -> Callable[[], None]:
        def live() -> None:
            party.clock.wait(random.below(60))
            party.acquire()
            began = stage.shared.time
            try:
                party.hold(random.below(40))
                if random.below(5) == 0:
                    stage.standin.refuse_next("PUT", 503, times=random.below(4))
                party.hold(random.below(20))
            except turns.TurnLost:
                tenures.append((began, stage.shared.time))
                return
            tenures.append((began, stage.shared.time))
            if random.below(3):
                party.release()

        return live

    parties = [Party(stage, f"p{i}", chance.below(100_000) - 50_000.0) for i in range(8)]
    stage.shared.run(*(life(party, chance.fork(party.name)) for party in parties))
    tenures.sort()
    assert len(tenures) == len(parties)
    for (_, end), (begin, _) in itertools.pairwise(tenures):
        assert end <= begin
