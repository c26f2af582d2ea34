"""Header rules give the specification's verdicts, and say why."""

import dataclasses
from typing import Any

import pytest
from ethereum.exceptions import EthereumException
from ethereum_types.bytes import Bytes, Bytes8, Bytes32
from ethereum_types.numeric import U64, U256, Uint
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum import execution, headers
from alys.models.ethereum.forks import Fork, Header, Schedule, rules_of
from alys.models.ethereum.genesis import Genesis
from alys.models.ethereum.run import InvalidPayload
from alys.models.ethereum.tree import Block
from tests.models.ethereum.builders import START, attributes_of, genesis_of

FORKS = (
    Fork.FRONTIER,
    Fork.HOMESTEAD,
    Fork.BYZANTIUM,
    Fork.BERLIN,
    Fork.GRAY_GLACIER,
    Fork.PARIS,
    Fork.SHANGHAI,
    Fork.CANCUN,
)
TYPES: dict[str, Any] = {
    "number": Uint,
    "timestamp": U256,
    "gas_limit": Uint,
    "gas_used": Uint,
    "difficulty": Uint,
    "base_fee_per_gas": Uint,
    "excess_blob_gas": U64,
}
LIES = st.one_of(
    st.tuples(st.sampled_from(sorted(TYPES)), st.integers(-35_000, 35_000)),
    st.tuples(
        st.sampled_from(["extra_data", "nonce", "ommers_hash", "parent_hash"]),
        st.binary(min_size=8, max_size=36),
    ),
)


def chain_of(fork: Fork) -> tuple[Genesis, Block, Block]:
    """A genesis of that fork, its block and one on it."""
    genesis = genesis_of(fork)
    first = execution.genesis_block(genesis)
    second = execution.build(first, attributes_of(first), (), genesis, [first.hash])
    return genesis, first, second


CHAINS = {fork: chain_of(fork) for fork in FORKS}


def specification_refuses(header: Header, parent: Block, fork: Fork) -> bool:
    """Its verdict, the seal left out."""
    rules = rules_of(fork)
    block = rules.blocks.Block(parent.header, (), (), *((),) * (rules.has_withdrawals))
    chain = rules.transition.BlockChain([block], rules.state.State(), U64(0))
    try:
        rules.transition.validate_header(chain, header)
    except (EthereumException, OverflowError):
        return True
    return False


@pytest.fixture(autouse=True, scope="module")
def _no_seals() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for fork in FORKS:
            if fork < Fork.PARIS:
                module = rules_of(fork).transition
                patch.setattr(module, "validate_proof_of_work", lambda header: None)
        yield


@pytest.mark.parametrize("fork", FORKS)
def test_what_is_built_follows_from_its_parent(fork: Fork) -> None:
    genesis, first, second = CHAINS[fork]
    headers.check(second.header, first.header, second.rules, genesis.schedule)
    assert not specification_refuses(second.header, first, fork)


@given(st.sampled_from(FORKS), LIES)
def test_a_changed_header_is_refused_when_the_specification_refuses_it(
    fork: Fork, lie: tuple[str, Any]
) -> None:
    genesis, first, second = CHAINS[fork]
    name, change = lie
    if not hasattr(second.header, name):
        return
    if name in TYPES:
        value = TYPES[name](max(0, int(getattr(second.header, name)) + change))
    elif name == "extra_data":
        value = Bytes(change)
    else:
        value = Bytes8(change[:8]) if name == "nonce" else Bytes32(change[:32].ljust(32, b"\0"))
    changed = dataclasses.replace(second.header, **{name: value})
    if name == "ommers_hash" and not second.rules.is_merged:
        return  # judged with the ommers themselves
    reason = None
    try:
        headers.check(changed, first.header, second.rules, genesis.schedule)
    except InvalidPayload as error:
        reason = error.reason
    assert reason != "", "a refusal says why"
    assert (reason is not None) is specification_refuses(changed, first, fork)


@pytest.mark.parametrize(
    ("fork", "changes", "words"),
    [
        (Fork.FRONTIER, {"gas_used": Uint(30_000_001)}, "gasUsed 30000001 is above gasLimit"),
        (Fork.SHANGHAI, {"gas_used": Uint(30_000_001)}, "gasUsed 30000001 is above gasLimit"),
        (Fork.PARIS, {"gas_limit": Uint(30_029_296)}, "gasLimit 30029296 is too far from"),
        (Fork.CANCUN, {"excess_blob_gas": U64(131_072)}, "excessBlobGas is 131072, must be 0"),
        (Fork.PARIS, {"difficulty": Uint(1)}, "difficulty is 1, must be 0"),
        (Fork.PARIS, {"extra_data": Bytes(bytes(33))}, "extraData has 33 bytes"),
        (Fork.SHANGHAI, {"timestamp": U256(START)}, "timestamp .* is not above"),
        (Fork.SHANGHAI, {"ommers_hash": Bytes32(bytes(32))}, "sha3Uncles is 0000"),
    ],
)
def test_a_refusal_names_the_field(fork: Fork, changes: dict[str, Any], words: str) -> None:
    genesis, first, second = CHAINS[fork]
    changed = dataclasses.replace(second.header, **changes)
    with pytest.raises(InvalidPayload, match=words):
        headers.check(changed, first.header, second.rules, genesis.schedule)
    assert specification_refuses(changed, first, fork)


def test_the_first_block_with_a_base_fee_may_double_the_gas_limit() -> None:
    """EIP-1559: the limit is measured by twice the parent's there, and the fee is one gwei."""
    genesis = genesis_of(Fork.LONDON, begins=1)
    first = execution.genesis_block(genesis)
    second = execution.build(first, attributes_of(first), (), genesis, [first.hash])
    assert not hasattr(first.header, "base_fee_per_gas")
    assert int(second.header.base_fee_per_gas) == headers.INITIAL_BASE_FEE_WEI
    assert int(second.header.gas_limit) == 2 * int(first.header.gas_limit)
    headers.check(second.header, first.header, second.rules, genesis.schedule)
    third = execution.build(second, attributes_of(second), (), genesis, [second.hash])
    assert int(third.header.gas_limit) == int(second.header.gas_limit)
    assert int(third.header.base_fee_per_gas) == headers.next_base_fee(second.header)


@pytest.mark.parametrize("used", [0, 1, 14_999_999, 15_000_000, 15_000_001, 30_000_000])
@pytest.mark.parametrize("fee", [0, 1, 7, 10**9, 10**15 + 1])
def test_the_base_fee_moves_as_in_the_specification(used: int, fee: int) -> None:
    rules = rules_of(Fork.CANCUN)
    header = dataclasses.replace(
        CHAINS[Fork.CANCUN][1].header, gas_used=Uint(used), base_fee_per_gas=Uint(fee)
    )
    limit = header.gas_limit
    wanted = rules.transition.calculate_base_fee_per_gas(limit, limit, Uint(used), Uint(fee))
    assert headers.next_base_fee(header) == int(wanted)


def test_the_daos_blocks_carry_its_mark() -> None:
    schedule = Schedule(
        by_block=((0, Fork.HOMESTEAD), (2, Fork.DAO_FORK)),
        terminal_total_difficulty=None,
        dao_block=2,
    )
    genesis = Genesis(timestamp=START, schedule=schedule, difficulty=1 << 17)
    blocks = [execution.genesis_block(genesis)]
    while len(blocks) < 14:
        parent = blocks[-1]
        blocks.append(execution.build(parent, attributes_of(parent), (), genesis, []))
    marked = [b.number for b in blocks if bytes(b.header.extra_data) == headers.DAO_MARK]
    assert marked == list(range(2, 12))
    bare = dataclasses.replace(blocks[5].header, extra_data=Bytes(b""))
    with pytest.raises(InvalidPayload, match="extraData"):
        headers.check(bare, blocks[4].header, blocks[5].rules, schedule)
