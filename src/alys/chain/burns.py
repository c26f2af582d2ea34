"""Burns on the sidechain: what a peg-out request asks for, and whether that can be paid at all.

A request that cannot be paid is refunded to the event's caller, by every validator's rule and once (D23).
"""

from collections.abc import Collection

import msgspec

from alys.base.units import Gwei, Sats, Wei, wei_to_gwei_floor, wei_to_sats_floor
from alys.chain.peg import Refund, RefundReason
from alys.wire import bitcoin
from alys.wire.ethereum import PegOutEvent


class PayoutRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A burn that is to be paid on Bitcoin."""

    script: bytes
    sats: Sats
    """What was asked for, before the fee: whole sats of the burn."""
    gwei: Gwei
    """What a refund would give back."""
    caller: bytes
    address: str
    tx_hash: str
    log_index: int

    @property
    def key(self) -> str:
        """``tx_hash:log_index``: the request's identity, settled at most once for ever."""
        return f"{self.tx_hash}:{self.log_index}"

    def refund(self, reason: RefundReason) -> Refund:
        """What goes back to the caller when this cannot be paid after all."""
        return Refund(request=self.key, address=self.caller, gwei=self.gwei, reason=reason)


def judge(
    event: PegOutEvent,
    *,
    network: str,
    minimum_sats: Sats,
    maximum_sats: Sats,
    federation_scripts: Collection[bytes],
) -> PayoutRequest | Refund:
    """Whether a burn asks for something that can be paid, before fees; else what goes back and why (D23)."""
    try:
        text = event.address.decode("ascii")
        script = bitcoin.address_to_script(text, network)
    except (UnicodeDecodeError, bitcoin.BadAddress):
        return refund_of(event, RefundReason.UNPARSABLE_ADDRESS)
    sats = wei_to_sats_floor(Wei(event.wei))
    if script in federation_scripts:
        return refund_of(event, RefundReason.FEDERATION_ADDRESS)
    if sats < minimum_sats:
        return refund_of(event, RefundReason.BELOW_MINIMUM)
    if sats > maximum_sats:
        return refund_of(event, RefundReason.ABOVE_MAXIMUM)
    return PayoutRequest(
        script=script,
        sats=sats,
        gwei=wei_to_gwei_floor(Wei(event.wei)),
        caller=event.caller,
        address=text,
        tx_hash=event.tx_hash,
        log_index=event.log_index,
    )


def refund_of(event: PegOutEvent, reason: RefundReason) -> Refund:
    """All whole gwei of the burn, back to the caller."""
    return Refund(
        request=f"{event.tx_hash}:{event.log_index}",
        address=event.caller,
        gwei=wei_to_gwei_floor(Wei(event.wei)),
        reason=reason,
    )
