"""Claims about Bitcoin that do not stand, each refused for what is wrong with it."""

from collections.abc import Callable

import msgspec
import pytest

from alys.chain import claim_checks
from alys.chain.claims import BadClaim, BitcoinClaims, BitcoinFacts, SettledRef
from alys.chain.state import PegState
from tests.chain.chains import BITCOIN_BLOCK, SPEC, burn, deposit, grow, next_block, pow_header
from tests.chain.test_claims import FUNDED, ONE, TWO, bump_of, bumped, final

HERE, GONE = {ONE: 6, TWO: 6}, {ONE: 0, TWO: 0}
LOST = grow(FUNDED, claims=BitcoinClaims(lost_outputs=(ONE,)))
FINAL = final()
TXID = FINAL.unsettled[0].txids[0]
SETTLED = BitcoinClaims(settled=(SettledRef(txid=TXID, block_hash=BITCOIN_BLOCK),))


def check(
    parent: PegState,
    claims: BitcoinClaims,
    outputs: dict[str, int] | None = None,
    payments: dict[str, int] | None = None,
    *,
    asked: bool = False,
) -> None:
    """The claims in a block on this parent, with what Bitcoin says."""
    block, facts = next_block(FUNDED)
    block = msgspec.structs.replace(block, bitcoin=claims)
    seen = BitcoinFacts(outputs=outputs or {}, payments=payments or {})
    requests = (burn(1),) if asked else ()
    facts = msgspec.structs.replace(facts, bitcoin=seen, parent_requests=requests)
    claim_checks.check_claims(block, parent, facts, SPEC)


def test_claims_that_are_so_stand() -> None:
    check(FUNDED, BitcoinClaims())
    check(FUNDED, BitcoinClaims(lost_outputs=(ONE, TWO)), GONE)
    check(LOST, BitcoinClaims(found_outputs=(ONE,)), HERE)
    check(FINAL, SETTLED, payments={TXID: 6})
    check(FINAL, BitcoinClaims(bumps=(bump_of(FINAL, 3),)))
    check(FUNDED, BitcoinClaims(fee_rate_sat_vb=500), asked=True)


def spent_change() -> PegState:
    """A second payout spends the change of the first."""
    rich = msgspec.structs.replace(
        FINAL, utxos=FINAL.unsettled[0].versions[0].change(SPEC.federation.script_pubkey)
    )
    return grow(rich, facts={"parent_requests": (burn(2),)})


def wrong_bump(rate: int = 3, **changes: object) -> BitcoinClaims:
    return BitcoinClaims(bumps=(msgspec.structs.replace(bump_of(FINAL, rate), **changes),))


CASES: dict[str, tuple[str, Callable[[], None]]] = {
    "a rate for a block that pays nothing": (
        "pays nothing",
        lambda: check(FUNDED, BitcoinClaims(fee_rate_sat_vb=3)),
    ),
    "the least rate, named": (
        "above 2 and up to 500",
        lambda: check(FUNDED, BitcoinClaims(fee_rate_sat_vb=2), asked=True),
    ),
    "a rate beyond the highest": (
        "501 sat/vB",
        lambda: check(FUNDED, BitcoinClaims(fee_rate_sat_vb=501), asked=True),
    ),
    "a loss that our Bitcoin does not see": (
        "on the best chain",
        lambda: check(FUNDED, BitcoinClaims(lost_outputs=(ONE,)), HERE),
    ),
    "a loss that nobody looked up": (
        "nobody knows",
        lambda: check(FUNDED, BitcoinClaims(lost_outputs=(ONE,))),
    ),
    "a loss of what was never credited": (
        "no unspent credited deposit",
        lambda: check(
            FUNDED, BitcoinClaims(lost_outputs=(deposit(9).outpoint,)), {deposit(9).outpoint: 0}
        ),
    ),
    "a loss of what is lost": (
        "no unspent credited deposit",
        lambda: check(LOST, BitcoinClaims(lost_outputs=(ONE,)), GONE),
    ),
    "a loss twice": (
        "claimed twice",
        lambda: check(FUNDED, BitcoinClaims(lost_outputs=(ONE, ONE)), GONE),
    ),
    "losses out of order": (
        "ascending",
        lambda: check(FUNDED, BitcoinClaims(lost_outputs=(TWO, ONE)), GONE),
    ),
    "more losses than can be looked up": (
        "at most 100",
        lambda: check(FUNDED, BitcoinClaims(lost_outputs=tuple(f"{n}" for n in range(101)))),
    ),
    "a find with five confirmations": (
        "has 5 of 6",
        lambda: check(LOST, BitcoinClaims(found_outputs=(ONE,)), {ONE: 5}),
    ),
    "a find of what was not lost": (
        "was not lost",
        lambda: check(FUNDED, BitcoinClaims(found_outputs=(ONE,)), HERE),
    ),
    "a payout with five confirmations": (
        "has 5 of 6",
        lambda: check(FINAL, SETTLED, payments={TXID: 5}),
    ),
    "a payout that nobody found": ("has 0 of 6", lambda: check(FINAL, SETTLED)),
    "a payout that is not open": (
        "no open payout",
        lambda: check(FUNDED, SETTLED, payments={TXID: 6}),
    ),
    "both versions of a payout": (
        "claimed twice",
        lambda: check(
            bumped(FINAL),
            BitcoinClaims(
                settled=tuple(
                    SettledRef(txid=txid, block_hash=BITCOIN_BLOCK)
                    for txid in sorted(bumped(FINAL).unsettled[0].txids)
                )
            ),
            payments=dict.fromkeys(bumped(FINAL).unsettled[0].txids, 6),
        ),
    ),
    "a replacement at the same rate": (
        "2 sat/vB after 2",
        lambda: check(FINAL, wrong_bump(fee_rate_sat_vb=2)),
    ),
    "a replacement beyond the highest rate": (
        "501 sat/vB",
        lambda: check(FINAL, wrong_bump(fee_rate_sat_vb=501)),
    ),
    "a replacement that is something else": (
        "is not",
        lambda: check(FINAL, wrong_bump(tx=b"\x01")),
    ),
    "a replacement of what is not open": (
        "not the newest version",
        lambda: check(FINAL, wrong_bump(replaces="ab" * 32)),
    ),
    "a replacement of an old version": (
        "not the newest version",
        lambda: check(bumped(FINAL), wrong_bump(30)),
    ),
    "a replacement beside another": (
        "not final yet",
        lambda: check(bumped(FINAL, covered=False), wrong_bump(30)),
    ),
    "a replacement whose change is spent": (
        "is spent",
        lambda: check(spent_change(), wrong_bump()),
    ),
    "a replacement of what is settled with it": (
        "settled in the same block",
        lambda: check(
            FINAL,
            msgspec.structs.replace(SETTLED, bumps=wrong_bump().bumps),
            payments={TXID: 6},
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_claim_that_does_not_stand_is_refused_and_says_why(name: str) -> None:
    said, offer = CASES[name]
    with pytest.raises(BadClaim, match=said):
        offer()


def test_nobody_pays_a_fee_above_what_is_asked_for() -> None:
    small = grow(FUNDED, facts={"parent_requests": (burn(1, 1_000_000),)})
    small = grow(small, header=pow_header(small))
    spec = msgspec.structs.replace(SPEC, fee_rate_max_sat_vb=10_000)
    with pytest.raises(BadClaim, match="cannot bear"):
        claim_checks.rebuilt(small.unsettled[0], 10_000, spec)
