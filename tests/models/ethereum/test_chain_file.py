"""Chains in a file: what geth export writes is imported, and what is wrong in it is named."""

import dataclasses

import pytest
from ethereum.crypto.hash import keccak256
from ethereum_rlp import rlp
from ethereum_types.numeric import Uint
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum import execution
from alys.models.ethereum.chain_file import ImportRefused, import_chain
from alys.models.ethereum.client import Client
from alys.models.ethereum.forks import Fork, Schedule
from alys.models.ethereum.genesis import Genesis, GenesisAccount
from alys.models.ethereum.headers import hash_of
from alys.models.ethereum.run import Run, eels_withdrawal
from alys.models.ethereum.transactions import decode, encoded
from alys.models.ethereum.tree import Block
from tests.models.ethereum.builders import (
    ETHER,
    PAYEE,
    START,
    USER,
    attributes_of,
    genesis_of,
    legacy,
    signed,
    withdrawal,
)

WORK = 131072
"""The least difficulty, which blocks two seconds apart raise by a 2048th."""

EVERY_FORK = Genesis(
    timestamp=START,
    schedule=Schedule(
        by_block=tuple((2 * int(fork), fork) for fork in list(Fork)[1 : Fork.PARIS]),
        by_time=((START + 2 * 30, Fork.SHANGHAI), (START + 2 * 33, Fork.CANCUN)),
        terminal_total_difficulty=27 * WORK,
    ),
    difficulty=WORK,
    accounts=(GenesisAccount(address=USER, balance=1000 * ETHER),),
)


def a_chain(genesis: Genesis, length: int) -> list[Block]:
    """A transfer in each block, of the newest type that it can have."""
    blocks = [execution.genesis_block(genesis)]
    for nonce in range(length):
        parent = blocks[-1]
        rules = execution.rules_after(parent, int(parent.header.timestamp) + 2, genesis.schedule)
        raw = legacy(protected=rules.fork >= Fork.SPURIOUS_DRAGON, nonce=nonce)
        if rules.has_base_fee:
            raw = signed(nonce)
        paid = (withdrawal(PAYEE, 3),) if rules.has_withdrawals else ()
        blocks.append(
            execution.build(
                parent,
                attributes_of(parent, *paid),
                [decode(raw, genesis.chain_id, rules.fork)],
                genesis,
                [block.hash for block in blocks[-256:]],
            )
        )
        assert len(blocks[-1].transactions) == 1
    return blocks


def exported(*blocks: Block) -> bytes:
    """As geth writes them."""
    return b"".join(_one(block) for block in blocks)


def _one(block: Block) -> bytes:
    bodies = tuple(encoded(tx.body, block.rules) for tx in block.transactions)
    parts: tuple[object, ...] = (block.header, bodies, block.ommers)
    if block.rules.has_withdrawals:
        parts += (tuple(eels_withdrawal(one, block.rules) for one in block.withdrawals),)
    return bytes(rlp.encode(parts))  # type: ignore[arg-type]  # a tuple of what it can encode


CHAIN = a_chain(EVERY_FORK, 38)
SHORT = genesis_of(Fork.SHANGHAI)
SHORT_CHAIN = a_chain(SHORT, 4)


def client_of(genesis: Genesis) -> Client:
    return Client(genesis, lambda: START + 1e6)


def test_a_chain_through_every_fork_is_imported_block_by_block() -> None:
    client = client_of(EVERY_FORK)
    assert import_chain(client, exported(*CHAIN)) == 38
    assert client.tree.head.hash == CHAIN[-1].hash
    forks = [block.rules.fork for block in client.tree.canonical]
    assert set(forks) == set(Fork)
    assert forks == sorted(forks)
    assert [block.hash for block in client.tree.canonical] == [block.hash for block in CHAIN]


def test_importing_again_changes_nothing_and_a_longer_file_adds_the_rest() -> None:
    client = client_of(SHORT)
    assert import_chain(client, exported(*SHORT_CHAIN[1:3])) == 2
    assert import_chain(client, exported(*SHORT_CHAIN)) == 2
    assert import_chain(client, exported(*SHORT_CHAIN[:2])) == 0
    assert client.tree.head.hash == SHORT_CHAIN[-1].hash


def refusal(data: bytes, genesis: Genesis = SHORT) -> tuple[ImportRefused, Client]:
    client = client_of(genesis)
    with pytest.raises(ImportRefused) as refused:
        import_chain(client, data)
    return refused.value, client


def changed(block: Block, **fields: object) -> Block:
    """The block with a lie in its header."""
    header = dataclasses.replace(block.header, **fields)
    return Block(
        hash=hash_of(header),
        rules=block.rules,
        header=header,
        transactions=block.transactions,
        withdrawals=block.withdrawals,
        receipts=block.receipts,
        state=block.state,
    )


def test_the_first_bad_block_is_named_and_those_before_it_stay() -> None:
    third = changed(SHORT_CHAIN[3], state_root=keccak256(b""))
    error, client = refusal(exported(*SHORT_CHAIN[:3], third, SHORT_CHAIN[4]))
    assert (error.number, error.imported) == (3, 2)
    assert str(error).startswith("block 3: stateRoot differs: header c5d246")
    assert "2 blocks before it are imported" in str(error)
    assert client.tree.head.hash == SHORT_CHAIN[2].hash


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (exported(SHORT_CHAIN[2]), "block 2: its parent"),
        (exported(CHAIN[0]), "block 0: its header has 15 fields"),
        (exported(changed(SHORT_CHAIN[0], gas_limit=Uint(5))), "block 0: the file's chain begins"),
        (exported(SHORT_CHAIN[1])[:-1], "the file ends 1 bytes before the block does"),
        (exported(SHORT_CHAIN[1]) + b"\x05", "block 2: at byte .* no block begins"),
        (b"\xc0", "not a list of header"),
        (b"\xc3\x01\x02\x03", "is not a list"),
        (exported(changed(SHORT_CHAIN[1], transactions_root=keccak256(b""))), "transactionsRoot"),
        (exported(changed(SHORT_CHAIN[1], withdrawals_root=keccak256(b""))), "withdrawalsRoot"),
    ],
)
def test_what_cannot_be_imported_says_why(data: bytes, words: str) -> None:
    error, client = refusal(data)
    with pytest.raises(ImportRefused, match=words):
        raise error
    assert len(client.tree) == client.tree.head.number + 1 == error.imported + 1


def test_a_block_of_another_fork_is_refused_by_its_shape() -> None:
    client = client_of(genesis_of(Fork.CANCUN))
    begun = execution.genesis_block(genesis_of(Fork.CANCUN))
    wrong = changed(SHORT_CHAIN[1], parent_hash=begun.header.parent_hash.__class__(begun.hash))
    with pytest.raises(ImportRefused, match="its header has 17 fields, 20 in cancun"):
        import_chain(client, exported(wrong))


@given(st.integers(0, 10**9), st.integers(1, 255))
def test_a_changed_byte_never_does_more_than_refuse(place: int, flip: int) -> None:
    """It may make another valid block, on which the next one does not stand."""
    first, second = bytearray(exported(SHORT_CHAIN[1])), exported(SHORT_CHAIN[2])
    first[place % len(first)] ^= flip
    error, client = refusal(bytes(first) + second)
    assert error.imported == len(client.tree) - 1 < 2


def with_ommers(parent: Block, genesis: Genesis, *ommers: object) -> Block:
    """A block made by work that names ommers and pays for them."""
    bare = execution.build(parent, attributes_of(parent), (), genesis, [])
    run = Run(bare.header, parent, bare.rules, genesis.chain_id, [])
    state = run.finish((), ommers)
    header = dataclasses.replace(
        bare.header,
        ommers_hash=keccak256(rlp.encode(ommers)),  # type: ignore[arg-type]
        state_root=bare.header.state_root.__class__(state.root),
    )
    return Block(
        hash=hash_of(header),
        rules=bare.rules,
        header=header,
        ommers=ommers,
        transactions=(),
        withdrawals=(),
        receipts=(),
        state=state,
    )


def test_ommers_are_judged_and_paid() -> None:
    """A sibling of the parent is an ommer; the parent itself, an ommer twice or a lying one is none."""
    genesis = genesis_of(Fork.BYZANTIUM)
    chain = a_chain(genesis, 2)
    sibling = execution.build(chain[1], attributes_of(chain[1], seconds=5), (), genesis, [])
    third = with_ommers(chain[2], genesis, sibling.header)
    client = client_of(genesis)
    assert import_chain(client, exported(*chain, third)) == 3
    miner = client.tree.head.state.account(bytes(sibling.header.coinbase))
    rewards = 3 * 3 * ETHER + 3 * ETHER // 32 + 7 * 3 * ETHER // 8
    fees = sum(int(b.receipts[0].cumulative_gas_used) * 3 * 10**9 for b in chain[1:])
    assert int(miner.balance) == rewards + fees

    again = with_ommers(third, genesis, sibling.header)
    parent = with_ommers(chain[2], genesis, chain[2].header)
    lying = dataclasses.replace(sibling.header, difficulty=sibling.header.difficulty + Uint(1))
    liar = with_ommers(chain[2], genesis, lying)
    nephew = execution.build(chain[2], attributes_of(chain[2], seconds=9), (), genesis, [])
    twice = with_ommers(chain[2], genesis, sibling.header, sibling.header)
    many = with_ommers(chain[2], genesis, *[sibling.header] * 3)
    brother = with_ommers(chain[2], genesis, nephew.header)
    for wrong, words in (
        (exported(*chain, twice), "ommer 1 is an ancestor or was an ommer before"),
        (exported(*chain, many), "it has 3 ommers, at most 2"),
        (exported(*chain, brother), "ommer 0 is no sibling of the last 6 blocks"),
        (exported(*chain, third, again), "ommer 0 is an ancestor or was an ommer before"),
        (exported(*chain, parent), "ommer 0 is an ancestor"),
        (exported(*chain, liar), "ommer 0: .*difficulty"),
    ):
        with pytest.raises(ImportRefused, match=words):
            import_chain(client_of(genesis), wrong)
