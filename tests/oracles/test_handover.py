"""The ledger learns of another federation from the blocks, believes only what the old members signed, and knows what it may spend."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from alys.oracles.causes import Cause
from alys.oracles.claims import Claim
from alys.oracles.handover import Holders
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from tests.chain.chains import announcement, evidence
from tests.oracles.builders import FEDERATION, KEYS, TERMS, Federation

OLD_BLOCKS = 100
HERE = msgspec.structs.replace(
    TERMS,
    federation_scripts=(FEDERATION.script,),
    federation_keys=KEYS,
    federation_threshold=2,
    old_address_blocks=OLD_BLOCKS,
)
NEXT = Federation(
    keys=tuple(bitcoin.xonly_of(secret.to_bytes(32, "big")) for secret in (1, 2, 4)), threshold=2
)


def claim(height: int, update: bytes | None) -> Claim:
    return Claim(
        root=f"{height:064x}",
        height=height,
        execution_hash=f"0x{height:064x}",
        auxpow=None,
        pegins=(),
        proposal_txid=None,
        proposal=None,
        sweep=None,
        federation_update=update,
        signed_txids=(),
    )


def after(*updates: tuple[int, bytes]) -> Holders:
    return Holders(HERE, [claim(height, update) for height, update in updates])


def signed(effective: int, signers: Sequence[int] = (1, 2), **changes: Any) -> bytes:
    return evidence(announcement(effective, 1, 2, 4, **changes), *signers)


def test_the_script_of_the_new_members_is_derived_here() -> None:
    holders = after((3, signed(10)))
    assert holders.violations == []
    assert holders.handovers == 1
    assert holders.scripts() == (FEDERATION.script, NEXT.script)


def test_each_script_takes_deposits_in_its_time() -> None:
    holders = after((3, signed(10)))
    assert [holders.takes(NEXT.script, height) for height in (9, 10, 10_000)] == [False, True, True]
    last = 10 + OLD_BLOCKS - 1
    assert [holders.takes(FEDERATION.script, height) for height in (1, 10, last, last + 1)] == [
        True,
        True,
        True,
        False,
    ]
    assert holders.over(FEDERATION.script, last + 1)
    assert not holders.over(NEXT.script, 10**9)
    assert not holders.takes(b"\x51", 10)


def test_an_announcement_that_came_late_takes_effect_with_the_next_block() -> None:
    holders = after((20, signed(10)))
    assert holders.known[-1].from_height == 21


def test_coins_move_on_to_a_later_federation_only() -> None:
    holders = after((3, signed(10)))
    assert holders.moves_on([FEDERATION.script], NEXT.script)
    assert not holders.moves_on([NEXT.script], FEDERATION.script)
    assert not holders.moves_on([FEDERATION.script, NEXT.script], NEXT.script)
    assert not holders.moves_on([FEDERATION.script], b"\x51")
    assert not holders.moves_on([], NEXT.script)


@pytest.mark.parametrize(
    "update",
    [
        signed(10, (1,)),
        signed(10, (1, 4)),
        signed(10, (1, 1)),
        signed(10, threshold=1),
        signed(10, threshold=4),
        b"\xff",
        announcement(10, 1, 2, 4).SerializeToString(),
    ],
    ids=["one", "a stranger", "one twice", "a low threshold", "a high one", "noise", "unsigned"],
)
def test_a_change_without_the_old_members_word_is_named(update: bytes) -> None:
    holders = after((3, update))
    (violation,) = holders.violations
    assert violation.cause is Cause.FEDERATION_CHANGED_WITHOUT_WORD
    assert violation.culprit == f"{3:064x}"
    assert holders.scripts() == (FEDERATION.script,)


def test_an_announcement_that_was_changed_after_it_was_signed_is_named() -> None:
    update = pb.FederationUpdate.FromString(signed(10))
    update.effective_height = 11
    assert after((3, update.SerializeToString(deterministic=True))).violations


def test_the_new_members_alone_speak_for_the_next_change() -> None:
    back = evidence(announcement(20, 1, 2, 3), 1, 3)
    assert after((3, signed(10)), (12, back)).violations
    fine = evidence(announcement(20, 1, 2, 3), 1, 4)
    holders = after((3, signed(10)), (12, fine))
    assert (holders.violations, holders.handovers) == ([], 2)
    assert holders.takes(FEDERATION.script, 20 + OLD_BLOCKS), "it came back"


def test_a_second_announcement_before_the_first_took_effect_is_named() -> None:
    assert after((3, signed(10)), (5, evidence(announcement(30, 4, 5, 6), 1, 2))).violations


def test_terms_without_keys_believe_nobody() -> None:
    blind = msgspec.structs.replace(HERE, federation_keys=(), federation_threshold=0)
    assert Holders(blind, [claim(3, signed(10))]).violations
