"""Which of the federation's outputs a payout spends: a rule that everybody who knows the outputs applies alike.

The largest first, equal ones by ``txid:vout``, until they cover what was asked for; then one more, if there is one, as
long as the change would be dust. No fee counts here: the payees bear it out of what they asked for.
"""

from collections.abc import Mapping

from alys.base.errors import AlysError
from alys.base.units import Sats

DUST_SATS = 546
"""An output of this much or less is not worth its spending; Bitcoin Core's figure for the oldest script type."""


class InsufficientFunds(AlysError):
    """The federation's outputs do not cover the requests, both in sats; nobody's fault that this chain can name."""

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(f"{needed} sats requested, {available} available")
        self.needed = needed
        self.available = available


def select_coins(needed: int, utxos: Mapping[str, Sats]) -> tuple[tuple[str, Sats], ...]:
    """The outputs to spend, with their amounts, from all by ``txid:vout``; raises InsufficientFunds."""
    chosen: list[tuple[str, Sats]] = []
    total = 0
    for key, sats in sorted(utxos.items(), key=lambda coin: (-coin[1], coin[0])):
        if total == needed or total > needed + DUST_SATS:
            break
        chosen.append((key, sats))
        total += sats
    if total < needed:
        raise InsufficientFunds(needed, total)
    return tuple(chosen)
