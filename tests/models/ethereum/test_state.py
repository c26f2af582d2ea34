"""Sealed states: what the specification does on them it would do on its own, and nobody writes into the past."""

import copy
from typing import Any

import pytest
from ethereum_types.bytes import Bytes, Bytes32
from ethereum_types.numeric import U256, Uint
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum import trie
from alys.models.ethereum.forks import Fork, Rules, State, rules_of
from alys.models.ethereum.genesis import GenesisAccount
from alys.models.ethereum.state import Overlay, SealedState, genesis_state

RULES = rules_of(Fork.SHANGHAI)
ADDRESSES = [bytes([number]) * 20 for number in range(1, 6)]
KEYS = [bytes([number]) * 32 for number in range(3)]
START = genesis_state(
    (
        GenesisAccount(address=ADDRESSES[0], balance=5),
        GenesisAccount(address=ADDRESSES[1], nonce=1, code=b"\0", storage={KEYS[1]: 7}),
        GenesisAccount(address=ADDRESSES[2], nonce=1, storage={KEYS[0]: 1, KEYS[2]: 2**255}),
    )
)
FORKS = st.sampled_from([Fork.FRONTIER, Fork.BYZANTIUM, Fork.PARIS, Fork.SHANGHAI, Fork.CANCUN])
STEPS = st.one_of(
    st.tuples(st.just("account"), st.sampled_from(ADDRESSES), st.integers(0, 3)),
    st.tuples(st.just("drop"), st.sampled_from(ADDRESSES), st.just(0)),
    st.tuples(st.just("clear"), st.sampled_from(ADDRESSES), st.just(0)),
    st.tuples(st.just("store"), st.sampled_from(ADDRESSES[:3]), st.integers(0, 8)),
    st.tuples(st.just("begin"), st.just(b""), st.just(0)),
    st.tuples(st.just("commit"), st.just(b""), st.just(0)),
    st.tuples(st.just("rollback"), st.just(b""), st.just(0)),
)
CHANGES = st.lists(STEPS, max_size=25)


def plain(sealed: SealedState, rules: Rules) -> State:
    """The same as the specification keeps it, in dictionaries."""
    state = rules.state.State()
    for address, account in sealed.accounts():
        at = rules.fork_types.Address(address)
        made = rules.fork_types.Account(account.nonce, account.balance, account.code)
        rules.state.set_account(state, at, made)
        for key, value in sealed.storage_of(address).items():
            rules.state.set_storage(state, at, Bytes32(key), U256(value))
    return state


def step(state: State, rules: Rules, what: str, address: bytes, number: int) -> None:
    module = rules.state
    at = rules.fork_types.Address(address) if address else None
    if what == "account":
        account = rules.fork_types.Account(Uint(number), U256(number), Bytes())
        module.set_account(state, at, account)
    elif what == "drop":
        module.destroy_account(state, at)
    elif what == "clear":
        module.destroy_storage(state, at)
    elif what == "store":
        if module.get_account_optional(state, at) is not None:
            module.set_storage(state, at, Bytes32(KEYS[number % 3]), U256(number // 3))
    else:
        turn(state, rules, what)


def turn(state: State, rules: Rules, what: str) -> None:
    """Into a call of the EVM and out of it."""
    module = rules.state
    more = () if rules.fork < Fork.CANCUN else (module.TransientStorage(),)
    if more:
        more[0]._snapshots.append({})
    if what == "begin":
        module.begin_transaction(state, *more)
    elif state._snapshots:
        (module.commit_transaction if what == "commit" else module.rollback_transaction)(
            state, *more
        )


def close(state: State, rules: Rules) -> None:
    while state._snapshots:
        turn(state, rules, "commit")


def seen(state: State, rules: Rules) -> list[Any]:
    """All that the EVM could ask."""
    module = rules.state
    found: list[Any] = []
    for address in ADDRESSES:
        at = rules.fork_types.Address(address)
        found.append(module.get_account_optional(state, at))
        found.append(module.account_has_storage(state, at))
        for key in KEYS:
            found.append(module.get_storage(state, at, Bytes32(key)))
            if state._snapshots and hasattr(module, "get_storage_original"):
                found.append(module.get_storage_original(state, at, Bytes32(key)))
    return found


@given(FORKS, st.lists(CHANGES, max_size=3))
def test_the_specification_sees_and_leaves_what_it_would_in_dictionaries(
    fork: Fork, blocks: list[list[tuple[str, bytes, int]]]
) -> None:
    """Through calls and returns, over several blocks, in the classes of any fork."""
    rules = rules_of(fork)
    sealed = START
    for changes in blocks:
        working, wanted = sealed.fork(rules), plain(sealed, rules)
        for one in changes:
            step(working, rules, *one)
            step(wanted, rules, *one)
            assert seen(working, rules) == seen(wanted, rules), one
        close(working, rules)
        close(wanted, rules)
        before = sealed
        sealed = sealed.seal(working)
        assert sealed.root == rules.state.state_root(wanted)
        assert sealed.root == rules.state.state_root(working), "as it reads the thin dictionaries"
        assert before.fork(rules) is not None


@given(CHANGES)
def test_work_on_a_fork_changes_nothing_until_sealed_and_nothing_before_it_then(
    changes: list[tuple[str, bytes, int]],
) -> None:
    root, accounts = START.root, list(START.accounts())
    working = START.fork(RULES)
    for one in changes:
        step(working, RULES, *one)
    close(working, RULES)
    START.seal(working)
    assert (START.root, list(START.accounts())) == (root, accounts)
    assert START.storage(ADDRESSES[1], KEYS[1]) == 7
    assert RULES.state.state_root(START.fork(RULES)) == root


@given(CHANGES)
def test_two_states_from_one_parent_do_not_know_each_other(
    changes: list[tuple[str, bytes, int]],
) -> None:
    left, right = START.fork(RULES), START.fork(RULES)
    before = seen(right, RULES)
    for one in changes:
        step(left, RULES, *one)
    assert seen(right, RULES) == before


def test_a_fork_that_changed_nothing_seals_to_the_same_object() -> None:
    assert START.seal(START.fork(RULES)) is START
    read = START.fork(RULES)
    seen(read, RULES)
    assert START.seal(read) is START
    same = START.fork(RULES)
    step(same, RULES, "store", ADDRESSES[1], 1 + 3 * 7)
    assert START.seal(same) is START


def test_accounts_of_another_fork_are_the_same_accounts() -> None:
    other = rules_of(Fork.CANCUN)
    working = START.fork(other)
    at = other.fork_types.Address(ADDRESSES[0])
    account = other.state.get_account(working, at)
    assert type(account) is other.fork_types.Account
    other.state.set_account(working, at, account)
    assert START.seal(working) is START


def test_what_is_not_there_reads_as_empty() -> None:
    stranger = START.account(b"\xee" * 20)
    assert (int(stranger.balance), int(stranger.nonce), stranger.code) == (0, 0, b"")
    assert START.storage(b"\xee" * 20, KEYS[0]) == 0
    assert START.storage_of(b"\xee" * 20) == {}
    assert START.storage_root(b"\xee" * 20) == trie.EMPTY_ROOT


def test_accounts_come_by_ascending_address_and_storage_without_zeros() -> None:
    assert [address for address, _ in START.accounts()] == ADDRESSES[:3]
    assert START.storage_of(ADDRESSES[1]) == {KEYS[1]: 7}
    assert START.storage_root(ADDRESSES[1]) != START.storage_root(ADDRESSES[0])


def test_a_block_pays_for_what_it_touches_and_not_for_what_there_is() -> None:
    """Counted in nodes that are new, not in time."""
    many = genesis_state(
        tuple(
            GenesisAccount(address=number.to_bytes(20, "big"), balance=1) for number in range(3000)
        )
    )
    working = many.fork(RULES)
    step(working, RULES, "account", (5).to_bytes(20, "big"), 3)
    assert len(working._main_trie._data.changed) == 1
    after = many.seal(working)
    old = {id(node) for node in nodes(many._accounts)}
    new = [node for node in nodes(after._accounts) if id(node) not in old]
    assert 1 <= len(new) <= 8
    assert len(old) > 3000


def nodes(node: trie.Node | None) -> list[trie.Node]:
    found = [] if node is None else [node]
    for one in found:
        found += [child for child in one.children if child is not None]
    return found


def test_an_overlay_is_a_dictionary_to_those_who_ask() -> None:
    below = {b"a": 1, b"b": 2}
    made = Overlay(below.get, lambda: iter(below.items()))
    assert made == below
    assert made != {}
    made[b"c"] = 3
    other = copy.copy(made)
    for key in (b"a", b"b", b"c"):
        made.__delitem__(key)
    assert made == {}
    assert dict(other.items()) == {**below, b"c": 3}
    assert b"a" in other
    assert b"a" not in made
    assert made.get(b"a", 9) == 9
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)
