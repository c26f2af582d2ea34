"""What waits for a block, and the block that is built from it."""

from typing import Any

from alys.actors.context import Context
from alys.chain import blocks, state, validity
from alys.chain.state import PegState
from alys.node.engine import Engine, PayloadFacts
from alys.node.judging import NOTHING_LEFT
from alys.node.messages import PeginReady
from alys.node.names import ChainNames
from alys.node.production import Larder, Producer
from alys.wire.engine import ExecutionPayload
from tests.chain import chains
from tests.chain.offers import CHANGED, NEXT, PARENT
from tests.models.ethereum.builders import make_node, mined
from tests.node.bench import Bench

NAMES = ChainNames(engine="engine", storage="storage", bitcoin="bitcoin", network="network")


def ready(number: int, to: bytes = chains.ALICE) -> PeginReady:
    return PeginReady(deposit=chains.deposit(number, 50_000, to), block_hash=chains.BITCOIN_BLOCK)


def larder(*deposits: PeginReady) -> Larder:
    filled = Larder(chains.SPEC)
    for one in deposits:
        filled.add_deposit(one)
    return filled


def test_a_deposit_waits_until_a_final_block_has_minted_it_and_is_minted_once_on_a_branch() -> None:
    waiting = larder(ready(1), ready(2))
    parent = state.genesis_state(chains.genesis())
    minted = chains.grow(parent, deposits=[ready(1).deposit])
    assert waiting.deposits_for(minted) == (ready(2).deposit,)
    assert waiting.deposits_for(parent) == (ready(1).deposit, ready(2).deposit)
    waiting.finalised([ready(1).deposit])
    assert waiting.deposits_for(parent) == (ready(2).deposit,)


def test_a_deposit_to_an_address_that_takes_none_waits() -> None:
    to_the_next = chains.paying_to(chains.deposit(3), NEXT.script_pubkey)
    waiting = larder(PeginReady(deposit=to_the_next, block_hash=chains.BITCOIN_BLOCK))
    assert waiting.deposits_for(PARENT) == ()
    assert waiting.deposits_for(CHANGED) == (to_the_next,)


def with_final_payouts(count: int) -> PegState:
    """A state after blocks that proposed payouts and a block that made them final."""
    funds = [chains.deposit(number) for number in range(1, count + 1)]
    parent = chains.grow(state.genesis_state(chains.genesis()), deposits=funds)
    for number in range(count):
        parent = chains.grow(parent, facts={"parent_requests": (chains.burn(number + 1),)})
    return chains.grow(parent, header=chains.pow_header(parent))


def test_payouts_are_listed_as_signed_in_the_order_of_their_proposals_and_the_unsigned_wait() -> (
    None
):
    parent = with_final_payouts(3)
    first, _, third = (proposal.txid for proposal in parent.payouts_finalised)
    waiting = Larder(chains.SPEC)
    waiting.add_payout(third, b"third")
    waiting.add_payout("of another branch", b"none")
    waiting.add_payout(first, b"first")
    assert waiting.signed_in_order(parent) == (b"first", b"third")


def build(waiting: Larder, left: PayloadFacts = NOTHING_LEFT) -> tuple[Any, Any, PegState]:
    """A block on the genesis of a real execution client."""
    client = make_node()
    first = ExecutionPayload.from_json(mined(client))
    genesis = blocks.genesis_block(
        first, bits=chains.SPEC.bits, aux_chain_id=chains.SPEC.aux_chain_id
    )
    parent = state.genesis_state(genesis)
    bench = Bench()
    bench.service("port", lambda method, *params: client.handle_engine(method, list(params)))
    bench.start("engine", lambda: Engine("port", None))
    bench.service("bitcoin", lambda *_: {"blocks": 0})  # it estimates no fee
    producer = Producer(chains.SPEC, NAMES)

    async def work(ctx: Context) -> Any:
        slot = int(ctx.now()) // 2
        return await producer.build(slot, parent, left, None, waiting, ctx)

    bench.run_for(10)
    block, facts = bench.within(work)
    return block, facts, parent


def test_a_block_mints_what_waits_and_passes_the_rules_that_validators_apply() -> None:
    block, facts, parent = build(larder(ready(1), ready(2, chains.BOB)))
    assert [ref.outpoint for ref in block.pegins] == [
        ready(1).deposit.outpoint,
        ready(2).deposit.outpoint,
    ]
    assert {one.address: one.amount_gwei for one in block.payload.withdrawals} == {
        chains.ALICE: 500_000,
        chains.BOB: 500_000,
    }
    validity.check_block(chains.sign(block), parent, facts, chains.SPEC, chains.SCHEME)


def test_a_block_answers_for_what_the_parents_payload_left() -> None:
    """Nothing is locked yet, so the request is given back to whoever made it."""
    block, facts, parent = build(
        larder(), PayloadFacts(requests=(chains.burn(1),), tips=NOTHING_LEFT.tips)
    )
    assert [one.address for one in block.payload.withdrawals] == [chains.BOB]
    validity.check_block(chains.sign(block), parent, facts, chains.SPEC, chains.SCHEME)


def test_signatures_by_hearsay_are_checked_and_what_lacks_them_waits() -> None:
    parent = with_final_payouts(2)
    first, second = parent.payouts_finalised
    waiting = Larder(chains.SPEC)
    waiting.add_hearsay(second.txid, chains.signed_payout(second))
    waiting.add_hearsay(first.txid, first.tx)
    assert waiting.signed_in_order(parent) == (chains.signed_payout(second),)
    waiting.add_hearsay(first.txid, chains.signed_payout(first))
    assert waiting.signed_in_order(parent) == (
        chains.signed_payout(first),
        chains.signed_payout(second),
    )
