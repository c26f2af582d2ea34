"""A chain's specification as a JSON document: what nodes are started from, and what others read of a node."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from alys.base.errors import UsageError
from alys.base.units import Sats
from alys.chain.federation import Federation
from alys.chain.spec import (
    DEV_OLD_ADDRESS_BLOCKS,
    FEE_RATE_MAX_SAT_VB,
    PAYOUT_CONFIRMATIONS,
    PEGOUT_MAXIMUM_SATS,
    ChainSpec,
)


class BadSpec(UsageError):
    """The document is no specification; ``key`` is where it is wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a chain specification: {reason}")


Hex = Annotated[str, Meta(pattern=r"\A(0x)?([0-9a-fA-F]{2})*\Z")]
Count = Annotated[int, Meta(ge=0)]


class _FederationDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keys: tuple[Hex, ...]
    threshold: int


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    chain_id: Count
    aux_chain_id: Count
    slot_duration_ms: Count
    authorities: tuple[Hex, ...]
    federation: _FederationDocument
    federation_fee_addresses: tuple[Hex, ...]
    network: str
    required_confirmations: Count
    max_blocks_without_pow: Count
    bits: Hex
    fee_rate_sat_vb: Count
    pegout_minimum_sats: Count
    genesis_execution_hash: Hex
    bitcoin_start_height: Count
    pegout_maximum_sats: Count = PEGOUT_MAXIMUM_SATS
    fee_rate_max_sat_vb: Count = FEE_RATE_MAX_SAT_VB
    payout_confirmations: Count = PAYOUT_CONFIRMATIONS
    old_address_blocks: Annotated[int, Meta(ge=1)] = DEV_OLD_ADDRESS_BLOCKS


def write(spec: ChainSpec) -> dict[str, Any]:
    """JSON values; EVM data with 0x, keys and Bitcoin's hex without."""
    return {
        "chain_id": spec.chain_id,
        "aux_chain_id": spec.aux_chain_id,
        "slot_duration_ms": spec.slot_duration_ms,
        "authorities": [key.hex() for key in spec.authorities],
        "federation": {
            "keys": [key.hex() for key in spec.federation.keys],
            "threshold": spec.federation.threshold,
        },
        "federation_fee_addresses": ["0x" + one.hex() for one in spec.federation_fee_addresses],
        "network": spec.network,
        "required_confirmations": spec.required_confirmations,
        "max_blocks_without_pow": spec.max_blocks_without_pow,
        "bits": f"{spec.bits:08x}",
        "fee_rate_sat_vb": spec.fee_rate_sat_vb,
        "pegout_minimum_sats": int(spec.pegout_minimum_sats),
        "genesis_execution_hash": "0x" + spec.genesis_execution_hash.hex(),
        "bitcoin_start_height": spec.bitcoin_start_height,
        "pegout_maximum_sats": int(spec.pegout_maximum_sats),
        "fee_rate_max_sat_vb": spec.fee_rate_max_sat_vb,
        "payout_confirmations": spec.payout_confirmations,
        "old_address_blocks": spec.old_address_blocks,
    }


def read(document: Mapping[str, Any]) -> ChainSpec:
    """The specification in a document; raises BadSpec naming the key."""
    try:
        found = msgspec.convert(document, _Document)
        return ChainSpec(
            chain_id=found.chain_id,
            aux_chain_id=found.aux_chain_id,
            slot_duration_ms=found.slot_duration_ms,
            authorities=tuple(_bytes(key, "authorities", 48) for key in found.authorities),
            federation=Federation(
                keys=tuple(_bytes(key, "federation.keys", 32) for key in found.federation.keys),
                threshold=found.federation.threshold,
            ),
            federation_fee_addresses=tuple(
                _bytes(one, "federation_fee_addresses", 20)
                for one in found.federation_fee_addresses
            ),
            network=found.network,
            required_confirmations=found.required_confirmations,
            max_blocks_without_pow=found.max_blocks_without_pow,
            bits=int.from_bytes(_bytes(found.bits, "bits", 4), "big"),
            fee_rate_sat_vb=found.fee_rate_sat_vb,
            pegout_minimum_sats=Sats(found.pegout_minimum_sats),
            genesis_execution_hash=_bytes(
                found.genesis_execution_hash, "genesis_execution_hash", 32
            ),
            bitcoin_start_height=found.bitcoin_start_height,
            pegout_maximum_sats=Sats(found.pegout_maximum_sats),
            fee_rate_max_sat_vb=found.fee_rate_max_sat_vb,
            payout_confirmations=found.payout_confirmations,
            old_address_blocks=found.old_address_blocks,
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise BadSpec(str(error)) from error


def _bytes(text: str, key: str, length: int) -> bytes:
    found = bytes.fromhex(text.removeprefix("0x"))
    if len(found) != length:
        raise ValueError(f"{key}: {len(found)} bytes, not {length}")
    return found
