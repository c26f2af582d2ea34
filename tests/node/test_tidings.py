"""What the bridge and governance are told of an imported block."""

from collections.abc import Callable
from typing import Any

from alys.actors.context import Context
from alys.actors.message import Message
from alys.chain import state
from alys.chain.state import PegState
from alys.node import branches, messages
from alys.node.branches import Known
from alys.node.names import ChainNames
from alys.node.tidings import Tidings
from tests.chain import chains
from tests.node.bench import Bench

NAMES = ChainNames(
    engine="engine",
    storage="storage",
    bitcoin="bitcoin",
    network="network",
    bridge="bridge",
    stream="stream",
)
ALONE = ChainNames(engine="engine", storage="storage", bitcoin="bitcoin", network="network")
FUNDED = chains.grow(state.genesis_state(chains.genesis()), deposits=[chains.deposit(1)])


def told(say: Callable[[Tidings, Context], None], names: ChainNames = NAMES) -> list[Message]:
    bench = Bench()
    heard = bench.probe("bridge")
    heard_too = bench.probe("stream")
    tidings = Tidings(names)

    async def work(ctx: Context) -> None:
        say(tidings, ctx)

    bench.within(work)
    bench.run_for(1)
    return [*heard, *heard_too]


def grown(parent: PegState, **wishes: Any) -> Known:
    block, facts = chains.next_block(parent, **wishes)
    return branches.child(parent, chains.sign(block), facts, chains.SPEC)


def test_a_block_tells_what_it_minted_and_proposed() -> None:
    one = grown(FUNDED, deposits=[chains.deposit(2)], facts={"parent_requests": (chains.burn(1),)})
    said = told(lambda tidings, ctx: tidings.moved(FUNDED, [], [one], ctx))
    assert len(said) == 1
    assert isinstance(said[0], messages.BlockImported)
    assert said[0].minted == (chains.deposit(2),)
    assert said[0].proposed is not None
    assert said[0].proposed.requests[0].tx_hash == chains.burn(1).tx_hash


def test_proposals_are_told_as_final_once_and_again_at_a_start() -> None:
    proposed = chains.grow(FUNDED, facts={"parent_requests": (chains.burn(1),)})
    final = grown(proposed, header=chains.pow_header(proposed))
    said = told(lambda tidings, ctx: tidings.moved(proposed, [], [final], ctx))
    assert [type(one) for one in said] == [messages.BlockImported, messages.PayoutsFinalised]
    after = grown(final.state)
    said = told(lambda tidings, ctx: tidings.moved(final.state, [], [after], ctx))
    assert [type(one) for one in said] == [messages.BlockImported]
    said = told(lambda tidings, ctx: tidings.started(final.state, ctx))
    assert [type(one) for one in said] == [messages.PayoutsFinalised, messages.ChainStarted]


def test_a_reorganisation_takes_back_what_the_abandoned_blocks_did_before_the_new_ones_are_told() -> (
    None
):
    left = grown(FUNDED, deposits=[chains.deposit(2)], facts={"parent_requests": (chains.burn(1),)})
    refunding = grown(left.state, facts={"parent_requests": (chains.burn(2, address="junk"),)})
    come = grown(FUNDED, facts={"parent_requests": (chains.burn(1),)})
    said = told(lambda tidings, ctx: tidings.moved(refunding.state, [refunding, left], [come], ctx))
    assert [type(one) for one in said] == [messages.BlocksReverted, messages.BlockImported]
    assert isinstance(said[0], messages.BlocksReverted)
    assert said[0].minted == (chains.deposit(2),)
    assert said[0].proposed == tuple(p.txid for p in left.proposals)
    assert len(said[0].proposed) == 1
    assert said[0].refunded == (f"{chains.burn(2).tx_hash}:0",)


def test_who_has_no_bridge_and_no_stream_says_nothing() -> None:
    one = grown(FUNDED)

    def say(tidings: Tidings, ctx: Context) -> None:
        tidings.started(one.state, ctx)
        tidings.moved(FUNDED, [], [one], ctx)
        tidings.minted_before(one.state, chains.deposit(1), ctx)
        tidings.status(one.state, "active", ctx)

    assert told(say, ALONE) == []
    assert len(told(say)) == 4
