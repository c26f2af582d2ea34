"""The chain's specification: what all its nodes must agree on before the first block."""

import msgspec

from alys.base.units import Sats
from alys.chain import approvals, slots
from alys.chain.federation import Federation
from alys.chain.retarget import RetargetParams
from alys.wire import bitcoin

DEV_CHAIN_ID = 121_212
DEV_SLOT_DURATION_MS = 2_000
DEV_REQUIRED_CONFIRMATIONS = 6
DEV_MAX_BLOCKS_WITHOUT_POW = 5
DEV_OLD_ADDRESS_BLOCKS = 10_000
"""Five hours and a half at two seconds each, where a deposit on its way needs about one hour."""

DEV_SECRETS = tuple(number.to_bytes(32, "big") for number in (1, 2, 3))
"""Keys anyone can guess, for authorities and federation alike: development networks only."""

PEGOUT_MAXIMUM_SATS = Sats(10 * 100_000_000)
FEE_RATE_MAX_SAT_VB = 500
PAYOUT_CONFIRMATIONS = 6

REGTEST_BITS = 0x207FFFFF
DEV_RETARGET = RetargetParams(
    pow_limit=0x2100FFFF,
    pow_lower_limit=0x1A322A97,
    target_timespan=60,
    target_spacing=5,
    no_retargeting=True,
    max_adjustment=20,
)
"""Upstream's figures, at rest: development chains are mined at regtest's target."""
AUX_CHAIN_ID_BITS = 16

_POSITIVE = (
    "slot_duration_ms",
    "required_confirmations",
    "max_blocks_without_pow",
    "payout_confirmations",
    "old_address_blocks",
)
_ORDERED = (
    ("fee_rate_sat_vb", "fee_rate_max_sat_vb"),
    ("pegout_minimum_sats", "pegout_maximum_sats"),
)


class ChainSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One chain's constants. Two nodes with different specifications are on different chains."""

    chain_id: int
    """EVM chain id (EIP-155)."""
    aux_chain_id: int
    """Merged-mining chain id: 16 bits, as a parent header's version has no room for more (D25)."""
    slot_duration_ms: int
    authorities: tuple[bytes, ...]
    """BLS public keys, 48 bytes each; an authority's number is its position."""
    federation: Federation
    federation_fee_addresses: tuple[bytes, ...]
    """EVM addresses, 20 bytes each, that share the federation's fifth of the fees."""
    network: str
    """Bitcoin network of the peg, for address checks."""
    required_confirmations: int
    """How deep a deposit must be before it is minted; the block that holds it counts as one."""
    max_blocks_without_pow: int
    """How far a block's height may be above the last finalised one without finalising itself."""
    bits: int
    """Compact target of the first merged-mining proof."""
    retarget: RetargetParams = DEV_RETARGET
    """How the target moves after it."""
    fee_rate_sat_vb: int
    """The least fee rate of peg-out transactions, which is theirs where a block names no higher one."""
    pegout_minimum_sats: Sats
    genesis_execution_hash: bytes
    """Hash of the execution client's block the chain starts from."""
    bitcoin_start_height: int
    """Deposits below this Bitcoin height are not looked for."""
    pegout_maximum_sats: Sats = PEGOUT_MAXIMUM_SATS
    """What one request may ask for; more is refunded."""
    fee_rate_max_sat_vb: int = FEE_RATE_MAX_SAT_VB
    """The highest fee rate that a block may name, whatever Bitcoin estimates."""
    payout_confirmations: int = PAYOUT_CONFIRMATIONS
    """How deep a payout must be before it counts as settled; the block that holds it counts as one."""
    old_address_blocks: int = DEV_OLD_ADDRESS_BLOCKS
    """Blocks of this chain for which deposits to a former federation's address are still accepted (D20's K)."""

    def __post_init__(self) -> None:
        if not 0 <= self.aux_chain_id < 1 << AUX_CHAIN_ID_BITS:
            raise ValueError(f"aux_chain_id {self.aux_chain_id} does not fit in 16 bits")
        if not 1 <= len(self.authorities) <= approvals.AUTHORITIES_MAX:
            raise ValueError(f"{len(self.authorities)} authorities; 1 to 15 are possible")
        if not self.federation_fee_addresses:
            raise ValueError("federation_fee_addresses must not be empty")
        if not self.retarget.allows(self.bits):
            raise ValueError(f"bits {self.bits:08x} are beyond the limits of retargeting")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for least, most in _ORDERED:
            if getattr(self, least) > getattr(self, most):
                raise ValueError(f"{least} {getattr(self, least)} is above {most}")

    @property
    def quorum(self) -> int:
        """How many authorities must approve a block."""
        return slots.quorum(len(self.authorities))


def dev_spec(
    genesis_execution_hash: bytes,
    *,
    bitcoin_start_height: int = 0,
    slot_duration_ms: int = DEV_SLOT_DURATION_MS,
    required_confirmations: int = DEV_REQUIRED_CONFIRMATIONS,
    max_blocks_without_pow: int = DEV_MAX_BLOCKS_WITHOUT_POW,
    retarget: RetargetParams = DEV_RETARGET,
) -> ChainSpec:
    """The development chain: three authorities and three federation members with secrets 1, 2 and 3."""
    return ChainSpec(
        chain_id=DEV_CHAIN_ID,
        aux_chain_id=DEV_CHAIN_ID & 0xFFFF,
        slot_duration_ms=slot_duration_ms,
        authorities=tuple(approvals.BlsSigner(secret).public_key for secret in DEV_SECRETS),
        federation=dev_federation(),
        federation_fee_addresses=tuple(
            bytes.fromhex("fed0") + number.to_bytes(18, "big") for number in (1, 2, 3)
        ),
        network="regtest",
        required_confirmations=required_confirmations,
        max_blocks_without_pow=max_blocks_without_pow,
        bits=REGTEST_BITS,
        retarget=retarget,
        fee_rate_sat_vb=2,
        pegout_minimum_sats=Sats(1_000_000),
        genesis_execution_hash=genesis_execution_hash,
        bitcoin_start_height=bitcoin_start_height,
    )


def dev_federation() -> Federation:
    """The federation of secrets 1, 2 and 3, two of which must sign."""
    keys = tuple(bitcoin.xonly_of(secret) for secret in DEV_SECRETS)
    return Federation(keys=keys, threshold=slots.quorum(len(keys)))
