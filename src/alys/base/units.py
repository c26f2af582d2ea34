"""Amounts and heights as distinct types, with every conversion named.

One bitcoin is 10^8 sats and one ether 10^18 wei; the peg maps one bitcoin to one ether, so one sat is 10^10 wei.
Withdrawals (EIP-4895) count in gwei, 10^9 wei, so one sat is 10 gwei.
"""

from typing import NewType

Sats = NewType("Sats", int)
Wei = NewType("Wei", int)
Gwei = NewType("Gwei", int)
Height = NewType("Height", int)

WEI_PER_SAT = 10**10
WEI_PER_GWEI = 10**9
GWEI_PER_SAT = 10
SATS_PER_BTC = 10**8


def sats_to_wei(sats: Sats) -> Wei:
    """The sidechain amount that a Bitcoin amount is worth."""
    return Wei(sats * WEI_PER_SAT)


def sats_to_gwei(sats: Sats) -> Gwei:
    """The withdrawal amount (EIP-4895) that mints a Bitcoin amount."""
    return Gwei(sats * GWEI_PER_SAT)


def wei_to_sats_floor(wei: Wei) -> Sats:
    """The whole sats in a sidechain amount; the remainder below one sat is lost to the payee."""
    return Sats(wei // WEI_PER_SAT)


def wei_to_gwei_floor(wei: Wei) -> Gwei:
    """The whole gwei in an amount."""
    return Gwei(wei // WEI_PER_GWEI)
