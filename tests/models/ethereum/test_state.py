"""Sealed states: roots as the specification computes them, and nobody writes into the past."""

from ethereum.forks.shanghai import state as specification
from ethereum.forks.shanghai.fork_types import Account, Address
from ethereum_types.bytes import Bytes, Bytes32
from ethereum_types.numeric import U256, Uint
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum.forks import Fork, rules_of
from alys.models.ethereum.genesis import GenesisAccount
from alys.models.ethereum.state import genesis_state

ADDRESSES = [bytes([number]) * 20 for number in range(1, 6)]
KEYS = [bytes([number]) * 32 for number in range(3)]
RULES = rules_of(Fork.SHANGHAI)
START = genesis_state(
    (
        GenesisAccount(address=ADDRESSES[0], balance=5),
        GenesisAccount(address=ADDRESSES[1], nonce=1, code=b"\0", storage={KEYS[1]: 7}),
    )
)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("account"), st.sampled_from(ADDRESSES), st.integers(0, 3)),
        st.tuples(st.just("drop"), st.sampled_from(ADDRESSES), st.just(0)),
        st.tuples(st.just("store"), st.sampled_from(ADDRESSES[:2]), st.integers(0, 8)),
    ),
    max_size=12,
)


def change(state: specification.State, what: str, address: bytes, number: int) -> None:
    target = Address(address)
    if what == "account":
        account = Account(Uint(number), U256(number), Bytes())
        specification.set_account(state, target, account)
    elif what == "drop":
        specification.destroy_account(state, target)
    elif specification.get_account_optional(state, target) is not None:
        specification.set_storage(state, target, Bytes32(KEYS[number % 3]), U256(number // 3))


@given(st.lists(CHANGES, max_size=4))
def test_after_any_blocks_the_root_is_the_specifications(
    blocks: list[list[tuple[str, bytes, int]]],
) -> None:
    sealed = START
    for changes in blocks:
        working = sealed.fork(RULES)
        for one in changes:
            change(working, *one)
        sealed = sealed.seal(working)
        assert sealed.root == specification.state_root(working)


@given(CHANGES)
def test_work_on_a_fork_changes_nothing_until_sealed_and_nothing_before_it_then(
    changes: list[tuple[str, bytes, int]],
) -> None:
    root, accounts = START.root, list(START.accounts())
    working = START.fork(RULES)
    for one in changes:
        change(working, *one)
    START.seal(working)
    assert (START.root, list(START.accounts())) == (root, accounts)
    assert START.storage(ADDRESSES[1], KEYS[1]) == 7
    assert specification.state_root(START.fork(RULES)) == root


def test_a_fork_that_changed_nothing_seals_to_the_same_object() -> None:
    assert START.seal(START.fork(RULES)) is START


def test_what_is_not_there_reads_as_empty() -> None:
    stranger = START.account(b"\xee" * 20)
    assert (int(stranger.balance), int(stranger.nonce), stranger.code) == (0, 0, b"")
    assert START.storage(b"\xee" * 20, KEYS[0]) == 0
    assert START.storage_of(b"\xee" * 20) == {}


def test_accounts_come_by_ascending_address_and_storage_without_zeros() -> None:
    assert [address for address, _ in START.accounts()] == ADDRESSES[:2]
    assert START.storage_of(ADDRESSES[1]) == {KEYS[1]: 7}
    assert START.storage_root(ADDRESSES[1]) != START.storage_root(ADDRESSES[0])
