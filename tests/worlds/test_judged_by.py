"""What the oracles are told is what the network is."""

from alys.chain.spec import dev_spec
from alys.worlds import judged_by
from alys.worlds.network import Grounds

SPEC = dev_spec(bytes(32), bitcoin_start_height=110)
GROUNDS = Grounds(spec=SPEC, depositor_secret=bytes(32), governance_nodes=3, first_height=7)


def test_production_is_judged_by_the_specification() -> None:
    rules = judged_by.rules(GROUNDS, 600)
    assert (rules.slot_duration_ms, rules.authorities) == (SPEC.slot_duration_ms, 3)
    assert (rules.genesis_height, rules.timestamp_slack_s) == (7, 600)


def test_the_ledger_begins_where_the_chain_does() -> None:
    terms = judged_by.terms(GROUNDS)
    assert (terms.bitcoin_genesis_height, terms.evm_genesis_number) == (110, 7)
    assert terms.federation_scripts == (SPEC.federation.script_pubkey,)
    assert terms.genesis_wei == 0
