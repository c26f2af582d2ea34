"""A chain's specification as a JSON document: what nodes are started from, and what others read of a node.

Its keys are those of upstream's ``chain.json`` where that has one for a thing; ``docs/reference/chain-spec.md`` lists them. An
unknown key is refused: it would be a rule that this node does not keep.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from alys.base.errors import UsageError
from alys.base.units import Sats
from alys.chain import slots
from alys.chain.federation import Federation
from alys.chain.retarget import RetargetParams
from alys.chain.spec import (
    AUX_CHAIN_ID_BITS,
    DEV_OLD_ADDRESS_BLOCKS,
    FEE_RATE_MAX_SAT_VB,
    PAYOUT_CONFIRMATIONS,
    PEGOUT_MAXIMUM_SATS,
    ChainSpec,
)


class BadSpec(UsageError):
    """The document is no specification; the message names the key that is wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a chain specification: {reason}")


Hex = Annotated[str, Meta(pattern=r"\A(0x)?([0-9a-fA-F]{2})*\Z")]
Count = Annotated[int, Meta(ge=0)]
Network = Literal["regtest", "testnet", "signet", "mainnet"]
Compact = Annotated[int, Meta(ge=0, lt=1 << 32)]


class _RetargetDocument(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"
):
    pow_limit: Compact
    pow_lower_limit: Compact
    pow_target_timespan: Count
    pow_target_spacing: Count
    pow_no_retargeting: bool
    max_pow_adjustment: Count


class Document(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"
):
    """The document as it is written; integers are JSON numbers, bytes are hex with or without 0x."""

    chain_id: Count
    aux_chain_id: Count | None = None
    slot_duration: Count
    authorities: tuple[Hex, ...]
    federation: tuple[Hex, ...]
    federation_bitcoin_pubkeys: tuple[Hex, ...]
    federation_threshold: Count | None = None
    network: Network
    required_btc_txn_confirmations: Count
    max_blocks_without_pow: Count
    bits: Compact
    retarget_params: _RetargetDocument
    fee_rate_sat_vb: Count
    pegout_minimum_sats: Count
    genesis_execution_hash: Hex
    bitcoin_start_height: Count
    pegout_maximum_sats: Count = PEGOUT_MAXIMUM_SATS
    fee_rate_max_sat_vb: Count = FEE_RATE_MAX_SAT_VB
    payout_confirmations: Count = PAYOUT_CONFIRMATIONS
    old_address_blocks: Annotated[int, Meta(ge=1)] = DEV_OLD_ADDRESS_BLOCKS
    is_validator: bool = True
    execution_timeout_length: Count = 3


def write(spec: ChainSpec) -> dict[str, Any]:
    """JSON values; EVM data and BLS keys with 0x, Bitcoin's keys compressed and without."""
    moves = spec.retarget
    return {
        "chainId": spec.chain_id,
        "auxChainId": spec.aux_chain_id,
        "slotDuration": spec.slot_duration_ms,
        "authorities": ["0x" + key.hex() for key in spec.authorities],
        "federation": ["0x" + one.hex() for one in spec.federation_fee_addresses],
        "federationBitcoinPubkeys": ["02" + key.hex() for key in spec.federation.keys],
        "federationThreshold": spec.federation.threshold,
        "network": spec.network,
        "requiredBtcTxnConfirmations": spec.required_confirmations,
        "maxBlocksWithoutPow": spec.max_blocks_without_pow,
        "bits": spec.bits,
        "retargetParams": {
            "powLimit": moves.pow_limit,
            "powLowerLimit": moves.pow_lower_limit,
            "powTargetTimespan": moves.target_timespan,
            "powTargetSpacing": moves.target_spacing,
            "powNoRetargeting": moves.no_retargeting,
            "maxPowAdjustment": moves.max_adjustment,
        },
        "feeRateSatVb": spec.fee_rate_sat_vb,
        "pegoutMinimumSats": int(spec.pegout_minimum_sats),
        "genesisExecutionHash": "0x" + spec.genesis_execution_hash.hex(),
        "bitcoinStartHeight": spec.bitcoin_start_height,
        "pegoutMaximumSats": int(spec.pegout_maximum_sats),
        "feeRateMaxSatVb": spec.fee_rate_max_sat_vb,
        "payoutConfirmations": spec.payout_confirmations,
        "oldAddressBlocks": spec.old_address_blocks,
    }


def read(document: Mapping[str, Any]) -> ChainSpec:
    """The specification in a document; raises BadSpec naming the key."""
    try:
        return _spec(msgspec.convert(document, Document))
    except (msgspec.ValidationError, ValueError) as error:
        raise BadSpec(str(error)) from error


def _spec(found: Document) -> ChainSpec:
    if not found.is_validator:
        raise ValueError("isValidator: false cannot stand, this node checks every block itself")
    aux_chain_id = found.aux_chain_id
    if aux_chain_id is None:
        aux_chain_id = found.chain_id % (1 << AUX_CHAIN_ID_BITS)
    return ChainSpec(
        chain_id=found.chain_id,
        aux_chain_id=aux_chain_id,
        slot_duration_ms=found.slot_duration,
        authorities=tuple(_bytes(key, "authorities", 48) for key in found.authorities),
        federation=_federation(found),
        federation_fee_addresses=tuple(_bytes(one, "federation", 20) for one in found.federation),
        network=found.network,
        required_confirmations=found.required_btc_txn_confirmations,
        max_blocks_without_pow=found.max_blocks_without_pow,
        bits=found.bits,
        retarget=_retarget(found.retarget_params),
        fee_rate_sat_vb=found.fee_rate_sat_vb,
        pegout_minimum_sats=Sats(found.pegout_minimum_sats),
        genesis_execution_hash=_bytes(found.genesis_execution_hash, "genesisExecutionHash", 32),
        bitcoin_start_height=found.bitcoin_start_height,
        pegout_maximum_sats=Sats(found.pegout_maximum_sats),
        fee_rate_max_sat_vb=found.fee_rate_max_sat_vb,
        payout_confirmations=found.payout_confirmations,
        old_address_blocks=found.old_address_blocks,
    )


def _federation(found: Document) -> Federation:
    keys = tuple(_xonly(text) for text in found.federation_bitcoin_pubkeys)
    threshold = found.federation_threshold
    if threshold is None:
        threshold = slots.quorum(len(keys))
    return Federation(keys=keys, threshold=threshold)


def _retarget(found: _RetargetDocument) -> RetargetParams:
    return RetargetParams(
        pow_limit=found.pow_limit,
        pow_lower_limit=found.pow_lower_limit,
        target_timespan=found.pow_target_timespan,
        target_spacing=found.pow_target_spacing,
        no_retargeting=found.pow_no_retargeting,
        max_adjustment=found.max_pow_adjustment,
    )


def _xonly(text: str) -> bytes:
    """Of a compressed key, or as it is (BIP340 knows no other half)."""
    found = bytes.fromhex(text.removeprefix("0x"))
    if len(found) == 33 and found[0] in (2, 3):
        return found[1:]
    return _bytes(text, "federationBitcoinPubkeys", 32)


def _bytes(text: str, key: str, length: int) -> bytes:
    found = bytes.fromhex(text.removeprefix("0x"))
    if len(found) != length:
        raise ValueError(f"{key}: {len(found)} bytes, not {length}")
    return found
