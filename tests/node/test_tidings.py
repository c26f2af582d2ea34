"""What the bridge and governance are told of an imported block."""

from collections.abc import Callable

from alys.actors.context import Context
from alys.actors.message import Message
from alys.chain import state
from alys.node import messages
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


def test_a_block_tells_what_it_minted_and_proposed() -> None:
    block, facts = chains.next_block(
        FUNDED, deposits=[chains.deposit(2)], facts={"parent_requests": (chains.burn(1),)}
    )
    after = state.apply(FUNDED, block, facts, chains.SPEC)
    said = told(lambda tidings, ctx: tidings.imported(FUNDED, after, block, facts, ctx))
    assert len(said) == 1
    assert isinstance(said[0], messages.BlockImported)
    assert said[0].minted == (chains.deposit(2),)
    assert said[0].proposed is not None
    assert said[0].proposed.requests[0].tx_hash == chains.burn(1).tx_hash


def test_proposals_are_told_as_final_once_and_again_at_a_start() -> None:
    proposed = chains.grow(FUNDED, facts={"parent_requests": (chains.burn(1),)})
    block, facts = chains.next_block(proposed, header=chains.pow_header(proposed))
    final = state.apply(proposed, block, facts, chains.SPEC)
    said = told(lambda tidings, ctx: tidings.imported(proposed, final, block, facts, ctx))
    assert [type(one) for one in said] == [messages.BlockImported, messages.PayoutsFinalised]
    following, known = chains.next_block(final)
    after = state.apply(final, following, known, chains.SPEC)
    said = told(lambda tidings, ctx: tidings.imported(final, after, following, known, ctx))
    assert [type(one) for one in said] == [messages.BlockImported]
    said = told(lambda tidings, ctx: tidings.started(final, ctx))
    assert [type(one) for one in said] == [messages.PayoutsFinalised, messages.ChainStarted]


def test_who_has_no_bridge_and_no_stream_says_nothing() -> None:
    block, facts = chains.next_block(FUNDED)
    after = state.apply(FUNDED, block, facts, chains.SPEC)

    def say(tidings: Tidings, ctx: Context) -> None:
        tidings.started(after, ctx)
        tidings.imported(FUNDED, after, block, facts, ctx)
        tidings.minted_before(after, chains.deposit(1), ctx)
        tidings.status(after, "active", ctx)

    assert told(say, ALONE) == []
    assert len(told(say)) == 4
