"""The table becomes child specifications, and each escalation is what it says."""

from typing import Any

import msgspec
import pytest

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Message
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.actors.supervision import Backoff, Restart
from alys.actors.system import System
from alys.base.prng import SeededRandom
from alys.config.policies import Policies, SupervisorPolicies, SupervisorPolicy
from alys.node import policies
from alys.sim.dispatch import SimDispatcher

TABLE = policies.DEFAULT


class Boom(Message, frozen=True, kw_only=True):
    """Fail."""


class Fragile(Actor):
    """Fails when it is told to."""

    def on_boom(self, message: Boom, ctx: Context) -> None:
        raise RuntimeError("boom")


def test_an_actor_is_run_as_its_row_says() -> None:
    spec = policies.child(TABLE, "node", "consensus", "engine", Fragile)
    assert (spec.name, spec.register) == ("engine", "node/engine")
    assert (spec.mailbox_messages_max, spec.mailbox_reserve) == (50_000, 1_000)
    assert spec.backoff == Backoff(min_seconds=0.05, max_seconds=15.0, factor=1.5)
    assert spec.shutdown_seconds == 15.0
    assert policies.child(TABLE, "node", "bridge", "bridge", Fragile).mailbox_reserve == 100


@pytest.mark.parametrize(
    ("name", "restart", "significant"),
    [
        ("storage", Restart.TEMPORARY, True),
        ("network", Restart.TEMPORARY, False),
        ("bridge", Restart.PERMANENT, False),
        ("consensus", Restart.PERMANENT, False),
    ],
)
def test_an_escalation_is_how_the_domain_stands_under_the_root(
    name: str, restart: Restart, significant: bool
) -> None:
    spec = policies.domain(TABLE, name)
    assert (spec.restart, spec.significant, spec.supervisor) == (restart, significant, True)


class Life:
    """A tree with one fragile actor per domain; what becomes of it when one domain fails too often."""

    def __init__(self, table: Policies) -> None:
        random = SeededRandom(1)
        self.dispatcher = SimDispatcher(random.fork("schedule"), 1_767_225_600.0)
        self.system = System(self.dispatcher, random.fork("actors"), observer=Observer())
        children = {
            "storage": "storage",
            "network": "network",
            "bridge": "bridge",
            "consensus": "chain",
        }
        domains = [
            policies.domain(table, name, policies.child(table, "node", name, actor, Fragile))
            for name, actor in children.items()
        ]
        self.system.spawn(policies.root(table, "node", *domains))
        self.dispatcher.run_until_idle()

    def fail(self, actor: str, times: int) -> None:
        """Node time for every restart in between."""
        for _ in range(times):
            self.system.tell(self.system.whereis(f"node/{actor}"), Boom())
            self.dispatcher.run_for(2.0)

    def uids(self) -> dict[str, int]:
        """Who stands under each path."""
        found: dict[str, int] = {cell.path: cell.uid for cell in self.system.cells()}
        return found


def quick(**rows: SupervisorPolicy) -> Policies:
    """Domains that give up at the third failure."""
    every = {
        field.name: msgspec.structs.replace(row, restarts=2)
        for field in msgspec.structs.fields(SupervisorPolicies)
        if field.name != "root"
        for row in (getattr(TABLE.supervisors, field.name),)
    }
    return Policies(supervisors=SupervisorPolicies(**{**every, **rows}))


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """Paths whose actor is another one or gone."""
    return {path for path, uid in before.items() if after.get(path) != uid}


def test_a_storage_that_cannot_be_kept_alive_takes_the_whole_tree_along_and_all_is_started_anew() -> (
    None
):
    life = Life(quick())
    before = life.uids()
    life.fail("storage", 3)
    after = life.uids()
    assert before.keys() == after.keys()
    assert changed(before, after) == {path for path in before if path.startswith("/alys/node")}
    assert life.system.failure is None


def test_a_network_that_cannot_be_kept_alive_is_done_without() -> None:
    life = Life(quick())
    before = life.uids()
    life.fail("network", 3)
    assert changed(before, life.uids()) == {"/alys/node/network", "/alys/node/network/network"}
    assert "/alys/node/network" not in life.uids()


@pytest.mark.parametrize(("domain", "actor"), [("bridge", "bridge"), ("consensus", "chain")])
def test_another_domain_is_restarted_by_itself(domain: str, actor: str) -> None:
    life = Life(quick())
    before = life.uids()
    life.fail(actor, 3)
    after = life.uids()
    assert before.keys() == after.keys()
    assert changed(before, after) <= {f"/alys/node/{domain}", f"/alys/node/{domain}/{actor}"}
    assert f"/alys/node/{domain}/{actor}" in changed(before, after)


def test_the_file_decides_what_follows() -> None:
    row: Any = msgspec.structs.replace(TABLE.supervisors.network, restarts=2, escalation="parent")
    life = Life(quick(network=row))
    life.fail("network", 3)
    assert "/alys/node/network/network" in life.uids()


def test_ref_is_found_again_by_name() -> None:
    life = Life(TABLE)
    ref: Ref = life.system.whereis("node/chain")
    life.fail("chain", 1)
    assert life.system.whereis("node/chain") is ref
