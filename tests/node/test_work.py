"""The miners' desk: what it gives out, what it takes back, and what it says to the rest."""

from typing import Any

import msgspec
import pytest

from alys.chain import blocks, state
from alys.chain.blocks import AuxPowHeader
from alys.chain.spec import dev_spec
from alys.chain.state import ChainLink, PegState
from alys.chain.validity import Invalid
from alys.models.bitcoin.node import BitcoinNode
from alys.node.work import BAD_WORK, NO_WORK, WorkDesk
from alys.wire import auxpow
from alys.wire.engine import ExecutionPayload
from alys.wire.jsonrpc import RpcError
from alys.worlds.miner import prove
from tests.models.ethereum.builders import make_node, mined
from tests.node.bench import START

SPEC = dev_spec(bytes(32))
RECIPIENT = b"\xaa" * 20


def with_links(count: int) -> PegState:
    """A state with so many blocks that wait for finality."""
    payload = ExecutionPayload.from_json(mined(make_node()))
    genesis = blocks.genesis_block(payload, bits=SPEC.bits, aux_chain_id=SPEC.aux_chain_id)
    links = tuple(
        ChainLink(root=bytes([n]) * 32, height=n, execution_hash=bytes([n]) * 32)
        for n in range(1, count + 1)
    )
    return msgspec.structs.replace(
        state.genesis_state(genesis), unfinalised=links, height=count, finalised_height=0
    )


def template() -> Any:
    return BitcoinNode(lambda: START, int(START)).handle(
        "getblocktemplate", [{"rules": ["segwit"]}]
    )


def refusal(call: Any, *arguments: Any) -> RpcError:
    with pytest.raises(RpcError) as refused:
        call(*arguments)
    return refused.value


def test_without_blocks_there_is_no_work() -> None:
    assert refusal(WorkDesk(SPEC).give, with_links(0), RECIPIENT).code == NO_WORK


def test_work_covers_all_blocks_that_wait_and_its_proof_is_queued() -> None:
    desk, now = WorkDesk(SPEC), with_links(3)
    work = desk.give(now, RECIPIENT)
    assert (work.range_start, work.range_end, work.height) == (b"\x01" * 32, b"\x03" * 32, 3)
    desk.take(now, work.aux_hash, auxpow.encode(prove(work.aux_hash, work.bits, template())))
    queued = desk.queued_on(now)
    assert queued is not None
    assert (queued.range_end, queued.fee_recipient) == (b"\x03" * 32, RECIPIENT)
    assert refusal(desk.give, now, RECIPIENT).code == NO_WORK
    assert desk.give(with_links(4), RECIPIENT).height == 4  # a later block makes new work


def test_a_proof_of_something_else_is_refused_by_name() -> None:
    desk, now = WorkDesk(SPEC), with_links(2)
    work = desk.give(now, RECIPIENT)
    other = auxpow.encode(prove(b"\x99" * 32, work.bits, template()))
    error = refusal(desk.take, now, work.aux_hash, other)
    assert (error.code, "wrong-commitment" in error.message) == (BAD_WORK, True)
    assert "malformed" in refusal(desk.take, now, work.aux_hash, b"\x00").message
    assert desk.queued_on(now) is None


def test_work_that_was_not_given_out_or_is_done_is_refused() -> None:
    desk, now = WorkDesk(SPEC), with_links(1)
    assert refusal(desk.take, now, b"\x01" * 32, b"").code == BAD_WORK
    work = desk.give(now, RECIPIENT)
    desk.finalised(1)
    assert "no work that was given out" in refusal(desk.take, now, work.aux_hash, b"").message


def test_old_work_is_forgotten_when_there_is_too_much() -> None:
    desk = WorkDesk(SPEC)
    first = desk.give(with_links(1), RECIPIENT)
    for count in range(2, 20):
        desk.give(with_links(count), RECIPIENT)
    assert refusal(desk.take, with_links(1), first.aux_hash, b"").code == BAD_WORK


def proved(desk: WorkDesk, now: PegState) -> AuxPowHeader:
    work = desk.give(now, RECIPIENT)
    proof = auxpow.encode(prove(work.aux_hash, work.bits, template()))
    return desk.take(now, work.aux_hash, proof)


def test_a_proof_from_elsewhere_is_checked_and_kept_once() -> None:
    now = with_links(2)
    header = proved(WorkDesk(SPEC), now)
    desk = WorkDesk(SPEC)
    assert desk.queue(now, header)
    assert not desk.queue(now, header)
    assert desk.queued_on(now) == header
    forged = msgspec.structs.replace(header, range_end=with_links(3).unfinalised[2].root)
    with pytest.raises(Invalid):
        desk.queue(with_links(3), forged)


def test_of_several_proofs_the_one_that_reaches_furthest_on_the_branch_is_carried() -> None:
    desk = WorkDesk(SPEC)
    short, long = proved(desk, with_links(1)), proved(desk, with_links(3))
    assert desk.queued_on(with_links(3)) == long
    assert desk.queued_on(with_links(2)) == short, "the branch is shorter"
    assert desk.queued_on(with_links(0)) is None


def test_what_is_final_needs_no_proof_any_more() -> None:
    desk = WorkDesk(SPEC)
    proved(desk, with_links(1))
    long = proved(desk, with_links(3))
    desk.finalised(1)
    assert desk.queued_on(with_links(3)) == long
    assert desk.queued_on(with_links(2)) is None
