"""Blocks made here are judged by the specification's own state_transition, and header and payload are one thing."""

from typing import Any

import msgspec
import pytest
from ethereum.forks.shanghai import blocks as eels_blocks
from ethereum.forks.shanghai import fork
from ethereum.forks.shanghai.transactions import encode_transaction
from ethereum_rlp import rlp
from ethereum_types.numeric import U64, Uint

from alys.models.ethereum import execution
from alys.models.ethereum.forks import Fork, rules_of
from alys.models.ethereum.genesis import GenesisAccount, dev_genesis
from alys.models.ethereum.run import InvalidPayload, eels_withdrawal
from alys.models.ethereum.transactions import SignedTransaction, decode, encoded
from alys.models.ethereum.tree import Block
from alys.wire import ethereum
from alys.wire.engine import PayloadAttributes, Withdrawal
from alys.wire.ethereum import BRIDGE_ADDRESS, BURN_ADDRESS, keccak256
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    START,
    USER,
    attributes_of,
    decoded,
    genesis_of,
    legacy,
    signed,
    withdrawal,
)

CHAIN_ID = 121212
CONFIGURATION = dev_genesis(START, balances={USER: 10 * ETHER})
GENESIS = execution.genesis_block(CONFIGURATION)
TWO_BURNS = [
    decoded(
        nonce,
        to=BRIDGE_ADDRESS,
        data=ethereum.encode_request_peg_out("bcrt1q"),
        gas=100_000,
    )
    for nonce in range(2)
]


def build(
    parent: Block, *candidates: SignedTransaction, withdrawals: tuple[Withdrawal, ...] = ()
) -> Block:
    attributes = PayloadAttributes(
        timestamp=int(parent.header.timestamp) + 2,
        prev_randao=b"\x05" * 32,
        suggested_fee_recipient=BURN_ADDRESS,
        withdrawals=withdrawals,
    )
    return execution.build(parent, attributes, candidates, CONFIGURATION, [parent.hash])


def test_the_specification_accepts_what_is_built_here() -> None:
    """Its own import computes every root of every header anew, without our trie."""
    chain = fork.BlockChain(
        [eels_blocks.Block(GENESIS.header, (), (), ())],
        GENESIS.state.fork(GENESIS.rules),
        U64(CHAIN_ID),
    )
    first = build(GENESIS, *TWO_BURNS, withdrawals=(withdrawal(PAYEE, 3), withdrawal(USER, 0)))
    second = build(first, decoded(2), decoded(3, to=None, value=0, gas=60_000))
    third = build(second, withdrawals=(withdrawal(PAYEE, 1),))
    for block in (first, second, third):
        fork.state_transition(
            chain,
            eels_blocks.Block(
                header=block.header,
                transactions=tuple(encode_transaction(tx.body) for tx in block.transactions),
                ommers=(),
                withdrawals=tuple(eels_withdrawal(one, block.rules) for one in block.withdrawals),
            ),
        )
    assert len(first.transactions) == len(second.transactions) == 2
    assert chain.blocks[-1].header == third.header


@pytest.mark.parametrize("fork", list(Fork))
def test_the_specification_of_every_fork_accepts_what_is_built_for_it(
    fork: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transfers, a contract that is made and one that stores; only the seal of work is not asked for."""
    genesis = genesis_of(fork)
    rules = rules_of(fork)
    blocks = [execution.genesis_block(genesis)]
    chain = rules.transition.BlockChain(
        [eels_block(blocks[0])], blocks[0].state.fork(rules), U64(CHAIN_ID)
    )
    if not rules.is_merged:
        monkeypatch.setattr(rules.transition, "validate_proof_of_work", lambda header: None)
    protected = fork >= Fork.SPURIOUS_DRAGON
    raws = [legacy(protected=protected)]
    raws += [legacy(protected=protected, nonce=1, to=None, value=0, gas=100_000, data=STORES)]
    if rules.has_base_fee:
        raws += [signed(2, gas=30_000)]
    sent = [decode(raw, CHAIN_ID, fork) for raw in raws]
    paid = (withdrawal(PAYEE, 3),) if rules.has_withdrawals else ()
    for number in range(3):
        parent = blocks[-1]
        made = execution.build(
            parent,
            attributes_of(parent, *paid),
            sent if number == 0 else (),
            genesis,
            [block.hash for block in blocks],
        )
        rules.transition.state_transition(chain, eels_block(made))
        blocks.append(made)
    first = blocks[1]
    assert len(first.transactions) == len(raws)
    assert first.state.storage(created_by(USER, 1), bytes(32)) == 7
    received = (1 + rules.has_base_fee) * ETHER + len(paid) * 3 * 10**9
    assert int(first.state.account(PAYEE).balance) == received


BEACON_ROOTS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")
BEACON_ROOTS_CODE = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001f"
    "ff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff"
    "015500"
)
"""EIP-4788's contract."""


def test_the_beacon_root_is_stored_before_the_transactions() -> None:
    plain = genesis_of(Fork.CANCUN)
    contract = GenesisAccount(address=BEACON_ROOTS, nonce=1, code=BEACON_ROOTS_CODE)
    genesis = msgspec.structs.replace(plain, accounts=(*plain.accounts, contract))
    first = execution.genesis_block(genesis)
    made = execution.build(first, attributes_of(first), (), genesis, [first.hash])
    time = int(made.header.timestamp)
    slots = made.state.storage_of(BEACON_ROOTS)
    assert slots == {
        (time % 8191).to_bytes(32, "big"): time,
        (time % 8191 + 8191).to_bytes(32, "big"): int.from_bytes(b"\x06" * 32, "big"),
    }


def test_a_transaction_that_waited_for_one_fork_is_taken_by_the_next() -> None:
    """The specification's classes differ, and it would not know the other's."""
    genesis = genesis_of(Fork.CANCUN)
    first = execution.genesis_block(genesis)
    waited = decode(signed(), CHAIN_ID, Fork.SHANGHAI)
    made = execution.build(first, attributes_of(first), [waited], genesis, [first.hash])
    assert [tx.raw for tx in made.transactions] == [waited.raw]
    assert made.transactions[0].fork is Fork.CANCUN
    older = genesis_of(Fork.BERLIN)
    first = execution.genesis_block(older)
    refused = execution.build(first, attributes_of(first), [waited], older, [first.hash])
    assert refused.transactions == ()


def eels_block(block: Block) -> Any:
    """A block as the specification's import takes it."""
    rules = block.rules
    listed = tuple(encoded(tx.body, rules) for tx in block.transactions)
    parts: tuple[Any, ...] = (block.header, listed, block.ommers)
    if rules.has_withdrawals:
        parts += (tuple(eels_withdrawal(one, rules) for one in block.withdrawals),)
    return rules.blocks.Block(*parts)


STORES = bytes.fromhex("6007600055")
"""Puts 7 at slot 0."""


def created_by(sender: bytes, nonce: int) -> bytes:
    """Where a contract goes: the yellow paper's formula."""
    return keccak256(bytes(rlp.encode([sender, Uint(nonce)])))[12:]


def test_a_payload_is_its_header_and_importing_it_gives_the_same_block() -> None:
    made = build(GENESIS, *TWO_BURNS, withdrawals=(withdrawal(PAYEE, 3),))
    payload = execution.payload_of(made)
    header = execution.header_of(payload)
    assert header == made.header
    assert execution.hash_of(header) == payload.block_hash == made.hash
    read = execution.import_payload(payload, header, GENESIS, CONFIGURATION, lambda: [GENESIS.hash])
    assert read.receipts == made.receipts
    assert read.state.root == made.state.root == bytes(header.state_root)
    assert list(read.state.accounts()) == list(made.state.accounts())


def test_after_a_refusal_the_sender_waits_and_the_others_do_not() -> None:
    too_dear = decoded(0, value=11 * ETHER)
    made = build(GENESIS, too_dear, decoded(1), decoded(0))
    assert made.transactions == ()
    assert build(GENESIS, decoded(0), decoded(2), decoded(1)).transactions == (decoded(0),)


def test_a_full_block_takes_no_more() -> None:
    big = decoded(0, to=None, data=b"\xfe", gas=29_990_000, max_fee=2 * 10**9)
    assert build(GENESIS, big, decoded(1)).transactions == (big,)


def test_the_base_fee_rises_when_more_than_half_the_gas_was_used_and_falls_else() -> None:
    burner = decoded(0, to=None, data=b"\xfe", gas=29_990_000, max_fee=2 * 10**9)
    fee = int(GENESIS.header.base_fee_per_gas)
    assert (
        execution.next_base_fee(build(GENESIS).header)
        < execution.next_base_fee(GENESIS.header)
        < fee
    )
    full = build(GENESIS, burner)
    assert execution.next_base_fee(full.header) > int(full.header.base_fee_per_gas)


@pytest.mark.parametrize("raw", [b"", b"\x02", b"junk"])
def test_a_payload_with_a_transaction_that_is_none_is_invalid(raw: bytes) -> None:
    payload = execution.payload_of(build(GENESIS))
    fields = {name: getattr(payload, name) for name in payload.__struct_fields__}
    wrong = type(payload)(**{**fields, "transactions": (raw,)})
    with pytest.raises(InvalidPayload, match=r"item 0|transaction 0"):
        execution.import_payload(
            wrong, execution.header_of(wrong), GENESIS, CONFIGURATION, lambda: [GENESIS.hash]
        )
