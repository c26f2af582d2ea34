"""Money that the federation cannot spend for now, as blocks say: deposits that a reorganisation took, change that waits for a version.

A loss is borne out by Bitcoin: the deposit's block was on the best chain and left it. Nothing else excuses a refund for want of funds.
"""

from collections.abc import Mapping

from alys.oracles.bitcoin_side import BitcoinSide, Deposit
from alys.oracles.causes import Cause
from alys.oracles.claims import BumpClaim, Claim
from alys.oracles.statement import Incident


def incident_of(lost: Deposit, minted_in: str) -> Incident:
    """A deposit that was credited and is not on the best chain any more."""
    return Incident(
        kind="deposit_lost",
        txid=lost.txid,
        key=lost.key,
        sats=lost.sats,
        meaning=f"EVM block {minted_in} credited it when it was deep enough in Bitcoin block "
        f"{lost.block_hash} at {lost.height}, which has left the best chain since",
    )


class Unavailable:
    """Follows the claims of the canonical blocks, in order."""

    def __init__(self, bitcoin: BitcoinSide) -> None:
        self._bitcoin = bitcoin
        self._lost: dict[str, int] = {}
        self._held: dict[str, int] = {}
        """Change of payouts with more than one version, by the txid of the first."""
        self._first: dict[str, str] = {}
        """The first version of each replacement, by txid."""

    @property
    def sats(self) -> int:
        """What no payout may spend."""
        return sum(self._lost.values()) + sum(self._held.values())

    def take(
        self, claim: Claim, credited: Mapping[str, tuple[Deposit, str]]
    ) -> list[tuple[Cause, str, str, str]]:
        """What a block says; complaints as cause, expected, actual and culprit."""
        found: list[tuple[Cause, str, str, str]] = []
        for key in claim.lost:
            deposit = credited.get(key)
            if deposit is None:
                found.append((Cause.LOSS_INVENTED, "a credited deposit", "none", key))
            elif not self._bitcoin.ever_left(deposit[0].txid):
                found.append((Cause.LOSS_INVENTED, "a reorganisation", "none", key))
            else:
                self._lost[key] = deposit[0].sats
        for key in claim.found:
            self._lost.pop(key, None)
        for txid in claim.settled_txids:
            self._held.pop(self._first.get(txid, txid), None)
        for bump in claim.bumps:
            first = self._first.get(bump.replaces, bump.replaces)
            self._first[bump.txid] = first
            self._held[first] = self._change(bump)
        return found

    def _change(self, bump: BumpClaim) -> int:
        return sum(sats for sats, script in bump.outputs if self._bitcoin.is_federation(script))
