"""What a node relays though the consensus would allow more: standard transactions (part of the facade ``wire.bitcoin``).

The figures are the defaults of Bitcoin Core 29; the answers are Core's reject reasons.
"""

from collections.abc import Sequence

from btclib import fee, policy

from alys.wire import bitcoin_bridge
from alys.wire.bitcoin_codec import Tx, TxOut
from alys.wire.bitcoin_script import script_type

DATACARRIER_BYTES_MAX = 83
NONWITNESS_BYTES_MIN = 65
"""A transaction of 64 bytes could pass for an inner node of a merkle tree."""


def dust_threshold_sats(script: bytes) -> int:
    """The least value of an output with this script that is worth spending at 3 sat/vB; less is dust."""
    return fee.dust_threshold(script, fee.DUST_RELAY_FEE_RATE)


def is_dust(output: TxOut) -> bool:
    """Whether an output is not worth spending."""
    return output.value < dust_threshold_sats(output.script)


def nonstandard_tx(tx: Tx) -> str | None:
    """Why a node does not relay this transaction whatever it spends, or None.

    One dust output is not refused here: it may stand where no fee is paid (ephemeral dust, Core 29).
    """
    data = [out.script for out in tx.outputs if script_type(out.script) == "nulldata"]
    try:
        policy.assert_standard_tx(
            bitcoin_bridge.library_tx(tx), max_datacarrier_bytes=len(b"".join(data))
        )
    except ValueError as error:
        return str(error)
    if any(len(script) > DATACARRIER_BYTES_MAX for script in data):
        return "scriptpubkey"
    if len(data) > 1:
        return "multi-op-return"
    if len(tx.serialize(witness=False)) < NONWITNESS_BYTES_MIN:
        return "tx-size-small"
    return None


def nonstandard_inputs(tx: Tx, prevouts: Sequence[TxOut]) -> str | None:
    """Why a node does not relay a transaction that spends these outputs, in the order of its inputs, or None."""
    spent, library_tx = bitcoin_bridge.library_outputs(prevouts), bitcoin_bridge.library_tx(tx)
    if not policy.are_inputs_standard(spent, library_tx):
        return "bad-txns-nonstandard-inputs"
    if not policy.is_witness_standard(spent, library_tx):
        return "bad-witness-nonstandard"
    return None
