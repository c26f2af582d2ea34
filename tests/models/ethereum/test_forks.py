"""Which rules hold where, and that every fork's rules are whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum.forks import Fork, Schedule, made, rules_of

MAINNET_LIKE = Schedule(
    by_block=((5, Fork.HOMESTEAD), (10, Fork.BERLIN), (12, Fork.LONDON)),
    by_time=((1000, Fork.SHANGHAI), (2000, Fork.CANCUN)),
    terminal_total_difficulty=100,
)


@pytest.mark.parametrize(
    ("number", "timestamp", "difficulty", "fork"),
    [
        (0, 0, 0, Fork.FRONTIER),
        (4, 5000, 99, Fork.FRONTIER),
        (5, 5000, 99, Fork.HOMESTEAD),
        (11, 0, 99, Fork.BERLIN),
        (12, 0, 99, Fork.LONDON),
        (13, 999, 100, Fork.PARIS),
        (13, 1000, 100, Fork.SHANGHAI),
        (13, 1999, 100, Fork.SHANGHAI),
        (13, 2000, 101, Fork.CANCUN),
    ],
)
def test_forks_begin_by_block_before_the_merge_and_by_time_after_it(
    number: int, timestamp: int, difficulty: int, fork: Fork
) -> None:
    assert MAINNET_LIKE.fork_at(number, timestamp, difficulty) is fork


def test_a_chain_without_a_terminal_difficulty_never_merges() -> None:
    working = Schedule(by_block=((0, Fork.LONDON),), terminal_total_difficulty=None)
    assert working.fork_at(10**9, 10**12, 10**30) is Fork.LONDON
    assert working.fork_of_genesis(0) is Fork.SHANGHAI, "geth counts times from London on"
    assert working.forks() == {Fork.LONDON}


def test_the_default_is_shanghai_from_the_first_block_on() -> None:
    assert Schedule().begins_merged
    assert Schedule().fork_of_genesis(0) is Schedule().fork_at(1, 0, 0) is Fork.SHANGHAI
    assert Schedule().forks() == {Fork.SHANGHAI}


def test_genesis_before_london_is_of_its_fork_by_block() -> None:
    assert MAINNET_LIKE.fork_of_genesis(5000) is Fork.FRONTIER
    merged = Schedule(by_time=((10, Fork.SHANGHAI),))
    assert merged.fork_of_genesis(9) is Fork.PARIS
    assert merged.fork_of_genesis(10) is Fork.SHANGHAI


@given(st.integers(0, 20), st.integers(0, 3000), st.integers(0, 200))
def test_all_forks_that_a_block_can_have_are_known_before(
    number: int, timestamp: int, difficulty: int
) -> None:
    assert MAINNET_LIKE.fork_at(number, timestamp, difficulty) in MAINNET_LIKE.forks()


@pytest.mark.parametrize("fork", list(Fork))
def test_the_flags_say_what_the_forks_classes_have(fork: Fork) -> None:
    rules = rules_of(fork)
    header = rules.blocks.Header.__dataclass_fields__
    assert rules.has_base_fee is ("base_fee_per_gas" in header)
    assert rules.has_withdrawals is ("withdrawals_root" in header)
    assert rules.has_blobs is ("excess_blob_gas" in header)
    assert rules.is_merged is ("prev_randao" in header)
    assert rules.has_status is ("succeeded" in rules.blocks.Receipt.__dataclass_fields__)
    assert rules.has_typed_transactions is hasattr(rules.transactions, "encode_transaction")
    assert rules_of(fork) is rules
    assert fork.name.lower() in repr(rules)


def test_made_takes_what_a_class_has_and_leaves_the_rest() -> None:
    account = rules_of(Fork.PARIS).fork_types.Account
    assert made(account, {"nonce": 1, "balance": 2, "code": b"", "owner": 5}) == account(1, 2, b"")
