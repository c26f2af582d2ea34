"""The terms of the peg as the oracle states them for itself: factors and figures, written out on purpose.

Nothing here comes from the code under judgement or from ``base.units``: an oracle that shares a conversion with what it
judges agrees with its errors.
"""

import msgspec

GWEI_WEI = 1_000_000_000
"""A withdrawal counts in gwei (EIP-4895)."""
SAT_WEI = 10_000_000_000
"""One bitcoin is one ether: 10^8 sats against 10^18 wei."""
SAT_GWEI = 10
WITHDRAWALS_MAX = 16
MINER_PERCENT = 80
DUST_SATS = 546
"""Change of this much or less may go to the payees instead (Bitcoin Core's dust limit for the oldest script type)."""
DEPOSIT_MINIMUM_SATS = 1_000
"""A deposit of less is nobody's: it is about as dear to spend."""
BURN_ADDRESS = "0x000000000000000000000000000000000000dead"
NUMS_KEY = bytes.fromhex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")
"""BIP341's point without a known logarithm: the internal key that makes the key path unspendable."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the parties agreed on before the first block."""

    federation_scripts: tuple[bytes, ...]
    """Oldest first, the current one last; retired ones still count. Later ones the blocks tell (``handover``)."""
    federation_keys: tuple[bytes, ...] = ()
    """X-only keys of the current one, in the order of its script; without them no change of the federation can be proven."""
    federation_threshold: int = 0
    old_address_blocks: int = 10_000
    """Blocks for which deposits to a former federation are still credited."""
    bridge_address: bytes
    genesis_wei: int
    bitcoin_genesis_height: int
    evm_genesis_number: int = 0
    """The block that the chain starts from. What it holds is nobody's business here, and balances count from there."""
    confirmations: int
    fee_members: tuple[str, ...]
    """EVM addresses (0x, lower case) that share the part of the tips that the miner does not get."""
    network: str
    pegout_minimum_sats: int
    fee_rate_sat_vb: int
    """The least; a block may name a higher rate for what it proposes."""
    fee_rate_max_sat_vb: int = 500
    pegout_maximum_sats: int = 1_000_000_000
