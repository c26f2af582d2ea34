"""Production judged from outside: an honest chain passes, and one lie at a time is named with its block."""

from typing import Any

import msgspec
import pytest

from alys.base.errors import Inconclusive
from alys.chain import blocks as node_blocks
from alys.chain import state
from alys.chain.spec import dev_spec
from alys.oracles import blocks
from alys.oracles.blocks import CHECKS, BlockFault, Flaw, Production, Rules, examine
from alys.oracles.statement import BrokenFeed
from alys.wire import auxpow as wire
from tests.chain import chains
from tests.oracles.builders import digest
from tests.oracles.proofs import BITS, CHAIN_ID, proof
from tests.oracles.recording import recorded

RULES = Rules(
    slot_duration_ms=2000, authorities=3, max_blocks_without_pow=5, bits=BITS, aux_chain_id=CHAIN_ID
)
FIRST_SLOT = 883_612_800
Json = dict[str, Any]


def root(height: int) -> str:
    return "0x" + digest("root", height)


def payload_hash(height: int) -> str:
    return "0x" + digest("payload", height)


def block(height: int, auxpow: Json | None = None) -> Json:
    """An honest block of the node: every third slot, the second authority's."""
    slot = FIRST_SLOT + 1 + 3 * height
    return {
        "root": root(height),
        "parentRoot": root(height - 1),
        "height": height,
        "slot": slot if height else 0,
        "executionPayload": {
            "blockNumber": hex(height),
            "blockHash": payload_hash(height),
            "parentHash": payload_hash(height - 1),
            "timestamp": hex(slot * 2),
        },
        "auxpowHeader": auxpow,
        "pegins": [],
        "payoutProposal": None,
        "finalizedPayouts": [],
        "approvals": {"indices": [slot % 3, (slot + 1) % 3], "signature": "0x"} if height else None,
    }


def work(first: int, last: int, **more: Any) -> Json:
    """An AuxPoW over the blocks of these heights."""
    made = proof([root(height)[2:] for height in range(first, last + 1)])
    return {
        "rangeStart": root(first),
        "rangeEnd": root(last),
        "bits": f"{BITS:08x}",
        "chainId": CHAIN_ID,
        "height": last,
        "feeRecipient": "0x" + "aa" * 20,
        "auxpow": wire.encode(made).hex(),
        **more,
    }


def executed(found: Json) -> Json:
    """The execution client's block for a consensus block."""
    payload = found["executionPayload"]
    return {
        "number": payload["blockNumber"],
        "hash": payload["blockHash"],
        "parentHash": payload["parentHash"],
        "timestamp": payload["timestamp"],
    }


def chain(count: int = 5, **auxpow: Json) -> list[Json]:
    """Blocks 0 to ``count``; ``at_3=...`` gives block 3 an AuxPoW."""
    return [block(height, auxpow.get(f"at_{height}")) for height in range(count + 1)]


def judged(made: list[Json], rules: Rules = RULES) -> Production:
    return examine(made, [executed(one) for one in made], rules)


def flaws(made: list[Json], rules: Rules = RULES) -> list[tuple[int, Flaw]]:
    return [(fault.height, fault.flaw) for fault in judged(made, rules).faults]


def test_an_honest_chain_passes_and_every_check_saw_something() -> None:
    found = judged(chain(8, at_4=work(1, 3)))
    assert found.faults == ()
    found.require(*CHECKS)
    assert found.finalised_height == 3
    assert found.samples == {
        "auxpows": 1,
        "authors": 8,
        "executed": 9,
        "links": 8,
        "quorums": 8,
        "times": 8,
        "work_due": 7,
    }


def test_a_chain_without_blocks_proves_nothing() -> None:
    found = judged(chain(0))
    assert set(found.samples) == set(CHECKS)
    with pytest.raises(Inconclusive, match="authors"):
        found.require("authors")


def test_the_fault_names_block_flaw_and_both_sides() -> None:
    made = chain()
    made[3]["parentRoot"] = root(1)
    with pytest.raises(BlockFault) as fault:
        judged(made).require()
    text = str(fault.value)
    assert text.startswith(f"block 3 ({root(3)}): it does not stand on the block below")
    assert root(2)[2:] in text
    assert root(1)[2:] in text


@pytest.mark.parametrize(
    ("where", "lie", "flaw"),
    [
        ("parentRoot", root(0), Flaw.PARENT_ROOT),
        ("height", 4, Flaw.HEIGHT),
        ("slot", FIRST_SLOT + 1 + 3 * 2, Flaw.SLOT_ORDER),
        ("slot", FIRST_SLOT + 1 + 3 * 3 + 1, Flaw.TIME_OF_SLOT),
        ("slot", FIRST_SLOT + 1 + 3 * 3 + 2, Flaw.AUTHOR),
        ("approvals", None, Flaw.AUTHOR),
        ("approvals", {"indices": [1]}, Flaw.QUORUM),
        ("approvals", {"indices": [1, 1]}, Flaw.QUORUM),
        ("approvals", {"indices": [1, 7]}, Flaw.QUORUM),
        ("approvals", {"indices": [0, 2]}, Flaw.AUTHOR),
        ("finalizedPayouts", ["00"], Flaw.PAYOUTS_WITHOUT_WORK),
    ],
)
def test_one_lie_about_block_three_is_named(where: str, lie: object, flaw: Flaw) -> None:
    made = chain()
    made[3][where] = lie
    assert (made[3]["height"], flaw) in flaws(made)


@pytest.mark.parametrize(
    ("where", "lie", "flaw"),
    [
        ("blockNumber", "0x7", Flaw.HEIGHT),
        ("parentHash", payload_hash(1), Flaw.PAYLOAD_PARENT),
        ("timestamp", hex((FIRST_SLOT + 1 + 9) * 2 - 1), Flaw.TIME_OF_SLOT),
        ("timestamp", hex((FIRST_SLOT + 1 + 9) * 2 + 2), Flaw.TIME_OF_SLOT),
        ("timestamp", hex((FIRST_SLOT + 1 + 6) * 2), Flaw.TIME_ORDER),
    ],
)
def test_one_lie_in_the_payload_of_block_three_is_named(where: str, lie: str, flaw: Flaw) -> None:
    made = chain()
    made[3]["executionPayload"][where] = lie
    assert flaw in [found for height, found in flaws(made) if height == 3]


def test_a_block_may_be_made_anywhere_in_its_slot_and_later_only_within_the_slack() -> None:
    made = chain()
    made[3]["executionPayload"]["timestamp"] = hex((FIRST_SLOT + 10) * 2 + 1)
    assert flaws(made) == []
    made[3]["executionPayload"]["timestamp"] = hex((FIRST_SLOT + 10) * 2 + 3)
    assert flaws(made) == [(3, Flaw.TIME_OF_SLOT)]
    slack = Rules(
        slot_duration_ms=2000,
        authorities=3,
        max_blocks_without_pow=5,
        bits=BITS,
        aux_chain_id=CHAIN_ID,
        timestamp_slack_s=2,
    )
    assert flaws(made, slack) == []


@pytest.mark.parametrize(
    ("where", "lie"),
    [("hash", "0x" + "ee" * 32), ("parentHash", payload_hash(0)), ("timestamp", "0x1")],
)
def test_the_execution_client_must_have_the_very_block(where: str, lie: str) -> None:
    made = chain()
    theirs = [executed(one) for one in made]
    theirs[4][where] = lie
    found = examine(made, theirs, RULES)
    assert [(fault.height, fault.flaw) for fault in found.faults] == [(4, Flaw.EXECUTION)]


def test_an_execution_client_that_lags_behind_is_named() -> None:
    made = chain()
    found = examine(made, [executed(one) for one in made[:-1]], RULES)
    assert [(fault.height, fault.flaw) for fault in found.faults] == [(5, Flaw.EXECUTION_MISSING)]


def test_five_blocks_without_work_are_all_there_may_be() -> None:
    assert flaws(chain(5)) == []
    assert flaws(chain(7)) == [(6, Flaw.WORK_OVERDUE), (7, Flaw.WORK_OVERDUE)]
    assert flaws(chain(10, at_6=work(1, 5))) == []
    assert flaws(chain(11, at_6=work(1, 5))) == [(11, Flaw.WORK_OVERDUE)]


def test_a_range_begins_after_the_last_finalised_block_and_ends_below_its_own() -> None:
    assert flaws(chain(6, at_3=work(1, 2), at_5=work(3, 4))) == []
    assert flaws(chain(5, at_3=work(2, 2))) == [(3, Flaw.WORK_RANGE)]
    assert flaws(chain(5, at_3=work(1, 3))) == [(3, Flaw.WORK_RANGE)]
    assert flaws(chain(5, at_3=work(1, 2), at_4=work(1, 3))) == [(4, Flaw.WORK_RANGE)]


@pytest.mark.parametrize(
    "lie",
    [
        {"bits": "1d00ffff"},
        {"chainId": CHAIN_ID + 1},
        {"height": 3},
        {"auxpow": None},
        {"auxpow": work(1, 1)["auxpow"]},
    ],
)
def test_work_that_is_none_is_named_and_finalises_nothing_more(lie: Json) -> None:
    found = judged(chain(4, at_3=work(1, 2, **lie)))
    assert {fault.flaw for fault in found.faults} == {Flaw.WORK_PROOF}
    assert found.finalised_height == (0 if "auxpow" in lie else 2)


def test_production_is_judged_from_the_genesis_on() -> None:
    with pytest.raises(BrokenFeed, match="genesis"):
        judged(chain()[1:])
    made = chain()
    theirs = [executed(one) for one in made]
    del made[2]["slot"]
    with pytest.raises(BrokenFeed, match="slot"):
        examine(made, theirs, RULES)


def test_blocks_are_read_as_the_node_shows_them() -> None:
    signed = chains.sign(chains.next_block(state.genesis_state(chains.genesis()))[0], 0, 1)
    seen = blocks.read_block(node_blocks.to_json(signed))
    assert seen.root == node_blocks.root(signed.block).hex()
    assert seen.parent_root == signed.block.parent_root.hex()
    assert (seen.height, seen.payload_number) == (1, 1)
    assert seen.slot == signed.block.slot
    assert seen.time == signed.block.payload.timestamp
    assert seen.payload_hash == signed.block.payload.block_hash.hex()
    assert seen.signers == (0, 1)
    assert seen.work is None
    genesis = blocks.read_block(node_blocks.to_json(chains.genesis()))
    assert (genesis.signers, genesis.height) == ((), 0)
    assert genesis.work is not None
    assert genesis.work.proof is None


def test_a_recorded_run_of_the_whole_network_has_no_fault() -> None:
    run = recorded()
    spec = dev_spec(bytes(32))
    rules = Rules(
        slot_duration_ms=spec.slot_duration_ms,
        authorities=len(spec.authorities),
        max_blocks_without_pow=spec.max_blocks_without_pow,
        bits=spec.bits,
        aux_chain_id=spec.aux_chain_id,
    )
    found = examine(
        [entry["consensus"] for entry in run.evm], [entry["block"] for entry in run.evm], rules
    )
    found.require(*CHECKS)
    assert found.finalised_height == run.ledger().check().finalised_height > 0


def test_a_run_that_starts_on_an_older_chain_is_judged_from_there() -> None:
    run = recorded().after(40)
    spec = dev_spec(bytes(32))
    rules = Rules(
        slot_duration_ms=spec.slot_duration_ms,
        authorities=len(spec.authorities),
        max_blocks_without_pow=spec.max_blocks_without_pow,
        bits=spec.bits,
        aux_chain_id=spec.aux_chain_id,
        genesis_height=40,
    )
    made = [entry["consensus"] for entry in run.evm]
    found = examine(made, [entry["block"] for entry in run.evm], rules)
    found.require("auxpows")
    assert found.finalised_height > 40
    with pytest.raises(BrokenFeed, match="genesis"):
        examine(made, [], msgspec.structs.replace(rules, genesis_height=0))
