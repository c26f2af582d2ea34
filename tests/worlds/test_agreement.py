"""The watch over several nodes: it reads what is new, passes over who is away, and hears what crosses the wire."""

import asyncio
from typing import Any, cast

import msgspec
import pytest

from alys.actors.envelope import Envelope
from alys.actors.ref import Ref
from alys.chain import blocks as node_blocks
from alys.chain import state
from alys.node import gossip, ports
from alys.node.errors import PortDown
from alys.oracles.agreement import Disagreement, Flaw
from alys.wire.jsonrpc import RpcError
from alys.worlds.agreement import Overheard, Watch
from tests.chain import chains
from tests.oracles.test_agreement import block, root, status

Json = dict[str, Any]


class Federation:
    """Nodes that show what they are given; calls are counted."""

    def __init__(self, *chain: Json) -> None:
        self.chains: dict[int, list[Json]] = {0: list(chain), 1: list(chain)}
        self.final = {0: 0, 1: 0}
        self.down: set[int] = set()
        self.dying: set[int] = set()
        self.calls = 0

    @property
    def count(self) -> int:
        return len(self.chains)

    def alive(self, index: int) -> bool:
        return index not in self.down

    async def call(self, index: int, method: str, *params: object) -> object:
        self.calls += 1
        if index in self.dying:
            raise PortDown(f"node {index}", "connection reset")
        chain = self.chains[index]
        if method == "alys_status":
            head = chain[-1]
            found = status(head["height"], self.final[index])
            return {**found, "headRoot": head["root"]}
        wanted = [one for one in chain if params[0] in (one["root"], one["height"])]
        if not wanted:
            raise RpcError(-32604, "Block not found")
        return wanted[0]


def federation(height: int = 4) -> Federation:
    return Federation(*[block(number) for number in range(height + 1)])


def watching(nodes: Federation, *steps: Any) -> Watch:
    """A watch that has looked once, and again after each step."""
    watch = Watch(nodes, 3, 0)

    async def scenario() -> None:
        await watch.look()
        for step in steps:
            step()
            await watch.look()

    asyncio.run(scenario())
    return watch


def test_every_block_of_every_node_is_read_once() -> None:
    nodes = federation()
    nodes.final = {0: 2, 1: 3}
    watch = watching(nodes)
    assert nodes.calls == 2 * (1 + 5)
    asyncio.run(watch.look())
    assert nodes.calls == 2 * (1 + 5) + 2
    watch.found().require("agreed", "approvals", "finals", "progress", "quorums", "standing")
    assert watch.found().samples["agreed"] == 3
    assert watch.best() == 1


def test_a_node_that_is_away_is_passed_over_and_counted() -> None:
    nodes = federation()
    watch = watching(nodes, lambda: nodes.dying.add(1), lambda: nodes.down.add(1))
    assert dict(watch.missed) == {"node 1": 1}
    assert watch.looks == 3


def united(watch: Watch) -> bool:
    asyncio.run(watch.look())
    return watch.one_head


def test_convergence_is_of_the_nodes_that_are_up() -> None:
    nodes = federation()
    watch = Watch(nodes, 3, 0)
    assert united(watch)
    assert watch.found().samples["converged"] == 1
    nodes.chains[1] = [*nodes.chains[1][:-1], block(4, "fork")]
    assert not united(watch)
    nodes.dying.add(1)
    assert not united(watch)
    nodes.down.add(1)
    assert united(watch)
    assert watch.found().samples["converged"] == 1, "one node alone is no convergence"


def test_whoever_is_furthest_is_the_one_to_ask_and_nobody_else_in_its_place() -> None:
    nodes = federation()
    nodes.final = {0: 3, 1: 2}
    nodes.chains[1].append(block(5))
    watch = watching(nodes)
    assert watch.best() == 0, "what is final goes before what is high"
    nodes.down.add(0)
    with pytest.raises(PortDown, match="behind"):
        watch.best()
    nodes.final[1] = 3
    asyncio.run(watch.look())
    assert watch.best() == 1
    nodes.down.add(1)
    with pytest.raises(PortDown, match="none is up"):
        watch.best()


def test_a_chain_that_was_written_anew_below_its_end_is_found_by_reading_it_again() -> None:
    nodes = federation()
    nodes.final = {0: 3, 1: 3}
    watch = watching(nodes)
    nodes.chains[1][2] = block(2, "fork")
    asyncio.run(watch.look())
    with pytest.raises(Disagreement) as told:
        asyncio.run(watch.look_from_the_first())
    assert told.value.flaw is Flaw.FINALISED_TWICE
    assert told.value.node == "node 1"


def test_a_node_that_lost_a_final_block_is_not_passed_over_as_one_that_is_away() -> None:
    nodes = federation()
    nodes.final = {0: 3, 1: 3}
    del nodes.chains[1][2]
    with pytest.raises(Disagreement) as told:
        watching(nodes)
    assert (told.value.flaw, told.value.node, told.value.height) == (
        Flaw.FINAL_MISSING,
        "node 1",
        2,
    )


def test_a_finalised_block_that_was_replaced_is_noticed() -> None:
    nodes = federation()

    def replaced() -> None:
        nodes.chains[1] = [block(n, "fork" if n >= 3 else "", "fork") for n in range(5)]
        nodes.chains[1][3]["parentRoot"] = root(2)
        nodes.final[1] = 3

    nodes.final = {0: 3, 1: 2}
    with pytest.raises(Disagreement) as told:
        watching(nodes, replaced)
    assert told.value.flaw is Flaw.FINALISED_TWICE


# On the wire


def said(overheard: Overheard, item: gossip.Item) -> None:
    """A node hands an item to its transport."""
    message = ports.WireSend(peer="node-1", data=gossip.encode(item))
    overheard.sent(Envelope(message=message, sender=None, sequence=1), cast(Ref, None))


def test_approvals_on_the_wire_are_heard_once_whatever_comes_first() -> None:
    overheard = Overheard()
    made_block, _ = chains.next_block(state.genesis_state(chains.genesis()))
    signed = chains.sign(made_block, 0)
    made = node_blocks.root(signed.block)
    approval = gossip.Approval(root=made, authority_index=2, signature=b"")
    said(overheard, approval)
    assert overheard.taken() == []
    proposed = gossip.ProposedBlock(block=node_blocks.encode(signed))
    said(overheard, proposed)
    said(overheard, proposed)
    heard = [(one.authority, one.slot, one.root) for one in overheard.taken()]
    assert heard == [(0, signed.block.slot, made), (2, signed.block.slot, made)]
    assert overheard.taken() == []


def test_an_authority_that_approves_twice_on_the_wire_is_noticed_at_the_next_look() -> None:
    nodes, overheard = federation(), Overheard()
    watch = Watch(nodes, 3, 0, overheard)
    first, _ = chains.next_block(state.genesis_state(chains.genesis()))
    for offered in (first, msgspec.structs.replace(first, parent_root=bytes(32))):
        said(overheard, gossip.ProposedBlock(block=node_blocks.encode(chains.sign(offered, 0))))
    with pytest.raises(Disagreement) as told:
        asyncio.run(watch.look())
    assert told.value.flaw is Flaw.APPROVED_TWICE
