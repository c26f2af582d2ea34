"""What the oracles are told of a network before they judge what happens on it."""

from alys.chain.retarget import RetargetParams
from alys.oracles.blocks import Rules
from alys.oracles.terms import Terms
from alys.oracles.work import Retarget
from alys.wire import ethereum
from alys.worlds.network import Grounds


def rules(grounds: Grounds, timestamp_slack_s: int, timestamp_early_s: int = 0) -> Rules:
    """How blocks must be; one may come so many seconds of node time after the end of its slot, or before its beginning."""
    spec = grounds.spec
    return Rules(
        slot_duration_ms=spec.slot_duration_ms,
        authorities=len(spec.authorities),
        max_blocks_without_pow=spec.max_blocks_without_pow,
        bits=spec.bits,
        aux_chain_id=spec.aux_chain_id,
        retarget=_retarget_rules(spec.retarget),
        genesis_height=grounds.first_height,
        timestamp_slack_s=timestamp_slack_s,
        timestamp_early_s=timestamp_early_s,
    )


def terms(grounds: Grounds) -> Terms:
    """Where the ledger begins and what it goes by."""
    spec = grounds.spec
    return Terms(
        federation_scripts=(spec.federation.script_pubkey,),
        federation_keys=spec.federation.keys,
        federation_threshold=spec.federation.threshold,
        old_address_blocks=spec.old_address_blocks,
        bridge_address=ethereum.BRIDGE_ADDRESS,
        genesis_wei=0,
        bitcoin_genesis_height=spec.bitcoin_start_height,
        evm_genesis_number=grounds.first_height,
        confirmations=spec.required_confirmations,
        fee_members=tuple(ethereum.to_data(a) for a in spec.federation_fee_addresses),
        network=spec.network,
        pegout_minimum_sats=spec.pegout_minimum_sats,
        fee_rate_sat_vb=spec.fee_rate_sat_vb,
        fee_rate_max_sat_vb=spec.fee_rate_max_sat_vb,
        pegout_maximum_sats=spec.pegout_maximum_sats,
    )


def _retarget_rules(params: RetargetParams) -> Retarget | None:
    """As the oracle takes them, which knows nothing of ours."""
    if params.no_retargeting:
        return None
    return Retarget(
        spacing=params.target_spacing,
        timespan=params.target_timespan,
        easiest=params.pow_limit,
        hardest=params.pow_lower_limit,
        step_percent=params.max_adjustment,
    )
