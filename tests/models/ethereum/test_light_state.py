"""Accounts without a trie: nothing is written to, and the root is of all that an account is."""

from collections.abc import Callable
from typing import Any

import pytest

from alys.models.ethereum.genesis import GenesisAccount
from alys.models.ethereum.light_state import (
    EMPTY,
    LightAccount,
    LightState,
    NotLight,
    OnlyFull,
    light_genesis_state,
)

ONE, OTHER = b"\x01" * 20, b"\x02" * 20
RICH = LightAccount(nonce=1, balance=5, code=b"code")


def state(**changes: int | bytes) -> LightState:
    fields: dict[str, Any] = {"nonce": 1, "balance": 5, "code": b"code", **changes}
    return light_genesis_state((GenesisAccount(address=ONE, **fields),))


def test_a_change_leaves_the_state_before_it_as_it_was() -> None:
    before = state()
    after = before.changed({OTHER: LightAccount(balance=1), ONE: EMPTY})
    assert (before.account(ONE), before.account(OTHER)) == (RICH, EMPTY)
    assert (after.account(ONE), after.account(OTHER).balance) == (EMPTY, 1)
    assert list(after.accounts()) == [(OTHER, LightAccount(balance=1))]
    assert before.changed({}) is before


@pytest.mark.parametrize("field", [{"nonce": 2}, {"balance": 6}, {"code": b"cod"}])
def test_the_root_is_of_everything(field: dict[str, int | bytes]) -> None:
    assert state().root == state().root
    assert state().root != state(**field).root


def test_the_root_is_of_the_accounts_and_not_of_the_way_there() -> None:
    one = state().changed({OTHER: RICH})
    assert one.root == LightState({}, {}).changed({OTHER: RICH}).changed({ONE: RICH}).root
    assert one.root != LightState({}, {}).changed({OTHER: RICH}).root
    assert one.changed({OTHER: EMPTY}).root == state().root


def test_nothing_has_storage() -> None:
    assert state().storage(ONE, bytes(32)) == 0
    assert state().storage_of(ONE) == {}
    with pytest.raises(NotLight, match="storage"):
        light_genesis_state((GenesisAccount(address=ONE, storage={bytes(32): 1}),))


@pytest.mark.parametrize(
    "ask",
    [
        lambda at: at.fork(None),
        lambda at: at.seal(None),
        lambda at: at.account_proof(ONE),
        lambda at: at.storage_proof(ONE, bytes(32)),
    ],
)
def test_what_takes_opcodes_or_a_trie_is_refused_with_the_way_out(
    ask: Callable[[LightState], object],
) -> None:
    with pytest.raises(OnlyFull, match=r"set world\.profile to full"):
        ask(state())
