"""The pool: whom it takes, in which order it offers them, and when it lets go."""

from typing import Any

import pytest

from alys.models.ethereum import pool as pool_module
from alys.models.ethereum.genesis import GenesisAccount
from alys.models.ethereum.pool import POOL_LIFETIME_SECONDS, PoolRefusal, TransactionPool
from alys.models.ethereum.state import SealedState, genesis_state
from alys.models.ethereum.transactions import SignedTransaction, decode
from alys.wire import ethereum
from tests.models.ethereum.builders import ETHER, PAYEE, USER, decoded

GWEI = 10**9
BASE_FEE = GWEI
OTHER_SECRET = bytes(31) + b"\x0a"
OTHER = ethereum.address_of(OTHER_SECRET)


def state(nonce: int = 0) -> SealedState:
    return genesis_state(
        tuple(
            GenesisAccount(address=address, balance=10 * ETHER, nonce=nonce)
            for address in (USER, OTHER)
        )
    )


def others(nonce: int = 0, tip: int = 1, fee: int = 30) -> SignedTransaction:
    raw = ethereum.sign_transaction(
        OTHER_SECRET,
        chain_id=121212,
        nonce=nonce,
        to=PAYEE,
        value=1,
        gas=21_000,
        max_fee=fee * GWEI,
        max_tip=tip * GWEI,
    )
    return decode(raw, 121212)


def mine(nonce: int = 0, tip: int = 1, fee: int = 30, **changes: Any) -> SignedTransaction:
    return decoded(nonce, max_fee=fee * GWEI, max_tip=tip * GWEI, **{"value": 1, **changes})


def pool_of(*transactions: SignedTransaction) -> TransactionPool:
    pool = TransactionPool()
    for one in transactions:
        pool.add(one, state(), 30_000_000, 0.0)
    return pool


def offered(pool: TransactionPool, base_fee: int = BASE_FEE) -> list[SignedTransaction]:
    return list(pool.in_order(base_fee))


def test_the_better_tip_comes_first_but_no_nonce_before_its_predecessor() -> None:
    cheap, dear, middle = mine(0, tip=1), mine(1, tip=9), others(0, tip=5)
    assert offered(pool_of(cheap, dear, middle)) == [middle, cheap, dear]


def test_equal_tips_go_by_arrival() -> None:
    assert offered(pool_of(others(0), mine(0))) == [others(0), mine(0)]
    assert offered(pool_of(mine(0), others(0))) == [mine(0), others(0)]


def test_who_cannot_pay_the_base_fee_waits_with_all_that_follow() -> None:
    poor, rich = mine(0, fee=2), mine(1, fee=30)
    pool = pool_of(poor, rich)
    assert offered(pool, 3 * GWEI) == []
    assert offered(pool, 2 * GWEI) == [poor, rich]


@pytest.mark.parametrize(
    ("tip", "fee", "taken"), [(11, 110, True), (10, 110, False), (11, 109, False)]
)
def test_a_replacement_pays_ten_percent_more_of_both(tip: int, fee: int, taken: bool) -> None:
    first, second = mine(0, tip=10, fee=100), mine(0, tip=tip, fee=fee, value=2)
    pool = pool_of(first)
    if not taken:
        with pytest.raises(PoolRefusal, match="replacement transaction underpriced"):
            pool.add(second, state(), 30_000_000, 0.0)
    else:
        pool.add(second, state(), 30_000_000, 0.0)
    assert offered(pool) == [second if taken else first]
    assert (pool.get(first.hash) is None) == taken
    assert len(pool) == 1


def test_a_refused_transaction_leaves_no_trace() -> None:
    pool = TransactionPool()
    with pytest.raises(PoolRefusal, match="insufficient funds"):
        pool.add(mine(value=10 * ETHER), state(), 30_000_000, 0.0)
    assert (len(pool), offered(pool), pool.next_nonce(USER, 0)) == (0, [], 0)


def test_initcode_and_nonces_have_a_limit() -> None:
    for wrong, words in (
        (mine(to=None, data=bytes(49_153), gas=5_000_000), "max initcode size exceeded"),
        (mine((1 << 64) - 1), "nonce has max value"),
    ):
        with pytest.raises(PoolRefusal, match=words):
            pool_of(wrong)


def test_the_next_nonce_stops_at_the_first_gap() -> None:
    pool = pool_of(mine(0), mine(1), mine(3))
    assert pool.next_nonce(USER, 0) == 2
    assert pool.next_nonce(OTHER, 0) == 0


def test_pruning_drops_what_the_state_has_behind_it() -> None:
    pool = pool_of(mine(0), mine(1), others(0))
    pool.prune(state(nonce=1), 0.0)
    assert offered(pool) == [mine(1)]
    assert pool.get(mine(0).hash) is None


def test_pruning_drops_what_waited_longer_than_three_hours() -> None:
    pool = pool_of(mine(0))
    pool.add(others(0), state(), 30_000_000, 10.0)
    pool.prune(state(), POOL_LIFETIME_SECONDS)
    assert len(pool) == 2
    pool.prune(state(), POOL_LIFETIME_SECONDS + 1.0)
    assert offered(pool) == [others(0)]


def test_a_full_pool_takes_replacements_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "POOL_TRANSACTIONS_MAX", 1)
    pool = pool_of(mine(0))
    with pytest.raises(PoolRefusal, match="txpool is full"):
        pool.add(others(0), state(), 30_000_000, 0.0)
    pool.add(mine(0, tip=2, fee=60), state(), 30_000_000, 0.0)
    assert offered(pool) == [mine(0, tip=2, fee=60)]
