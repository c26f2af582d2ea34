"""Figures that were computed or recorded elsewhere, and our functions against them.

``tests/data/vectors.json`` has each with its origin: a BIP, the contract's ABI, a live block of another chain, upstream's own tests.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.base.units import Sats
from alys.chain import auxpow, federation, peg, retarget, slots
from alys.chain.approvals import BlsScheme
from alys.chain.auxpow import BadAuxPow, PowFlaw
from alys.chain.blocks import AuxPowHeader
from alys.chain.peg import Deposit
from alys.chain.retarget import RetargetParams
from alys.chain.spec import dev_federation, dev_spec
from alys.models.ethereum.genesis import bridge_artifact
from alys.node import api
from alys.node.questions import AuxWork
from alys.oracles import work
from alys.wire import auxpow as wire
from alys.wire import bitcoin, ethereum

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data/vectors.json").read_text(encoding="utf-8")
)
SPEC = dev_spec(bytes(32))


def test_each_vector_names_its_origin() -> None:
    assert [name for name, one in VECTORS.items() if len(one["origin"]) < 20] == []


# Slots, quorums, keys


def test_slots() -> None:
    told = VECTORS["slots"]
    slot = slots.slot_at(told["now_ms"] / 1000, told["slot_duration_ms"])
    assert slot == told["slot"]
    assert slots.author_index(slot, told["authorities"]) == told["author"]


def test_quorums() -> None:
    for members, needed in VECTORS["quorums"]["needed"].items():
        assert slots.quorum(int(members)) == needed


def test_the_development_key() -> None:
    told = VECTORS["development_key"]
    assert BlsScheme().signer(bytes.fromhex(told["secret"])).public_key.hex() == told["public"]
    assert SPEC.authorities[0].hex() == told["public"]


def test_bls_signatures() -> None:
    scheme = BlsScheme()
    for secret, message, signature in VECTORS["bls_signatures"]["cases"]:
        signer = scheme.signer(bytes.fromhex(secret))
        assert signer.sign(bytes.fromhex(message)).hex() == signature
        assert scheme.verify(signer.public_key, bytes.fromhex(message), bytes.fromhex(signature))


# The way in


@pytest.mark.parametrize("told", VECTORS["deposit_addresses"]["cases"], ids=lambda t: t["members"])
def test_deposit_addresses(told: dict[str, Any]) -> None:
    secrets = [number.to_bytes(32, "big") for number in range(1, told["members"] + 1)]
    keys = tuple(bitcoin.xonly_of(secret) for secret in secrets)
    own = federation.Federation(keys=keys, threshold=told["threshold"])
    assert slots.quorum(told["members"]) == told["threshold"]
    assert own.address("regtest") == told["address"]
    assert own.control_block.hex() == told["control_block"]
    assert own.script_pubkey.hex() == told["script_pubkey"]
    assert bitcoin.address_to_script(told["address"], "regtest") == own.script_pubkey


def test_the_development_federation_is_the_one_of_three() -> None:
    (told,) = (one for one in VECTORS["deposit_addresses"]["cases"] if one["members"] == 3)
    assert dev_federation().address("regtest") == told["address"]


def test_a_deposit() -> None:
    told = VECTORS["deposit"]
    script = bitcoin.address_to_script(told["address"], "regtest")
    evm_address = bytes.fromhex(told["evm_address"])
    spent = bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid="aa" * 32, vout=0))
    pays = bitcoin.TxOut(value=told["sats"], script=script)
    says = bitcoin.TxOut(value=0, script=b"\x6a\x14" + evm_address)
    made = bitcoin.Tx(inputs=(spent,), outputs=(pays, says))
    found = peg.find_deposit(made, (script,))
    assert found == Deposit(
        txid=made.txid,
        vout=0,
        sats=Sats(told["sats"]),
        evm_address=evm_address,
        script=script,
    )
    (minted,) = peg.expected_withdrawals((), (found,), ())
    assert (minted.address, minted.amount_gwei) == (evm_address, told["gwei"])
    assert minted.amount_gwei * 10**9 == int(told["wei"])


# The contract


def test_addresses_and_selectors_of_the_contract() -> None:
    told = VECTORS["contract"]
    assert ethereum.checksum_address(ethereum.BRIDGE_ADDRESS) == told["address"]
    assert ethereum.checksum_address(ethereum.BURN_ADDRESS) == told["burn_address"]
    assert told["topic0"] == ethereum.REQUEST_PEG_OUT_TOPIC
    assert ethereum.keccak256(told["event"].encode()).hex() == told["topic0"][2:]
    selectors = told["selectors"]
    for text, selector in selectors.items():
        assert ethereum.keccak256(text.encode())[:4].hex() == selector
    assert ethereum.REQUEST_PEG_OUT_SELECTOR.hex() == selectors["requestPegOut(bytes)"]


def test_the_deployed_code_looks_for_these_selectors_and_logs_this_topic() -> None:
    """PUSH4 selector and PUSH32 topic."""
    told = VECTORS["contract"]
    code = bridge_artifact().runtime
    for selector in told["selectors"].values():
        assert "63" + selector in code
    assert "7f" + told["topic0"][2:] in code


# Merged mining


def header(bits: int) -> AuxPowHeader:
    return AuxPowHeader(
        range_start=bytes(32),
        range_end=bytes(32),
        bits=bits,
        chain_id=SPEC.aux_chain_id,
        height=1,
        fee_recipient=bytes(20),
    )


def test_a_pools_proof_is_work_for_its_hash_and_nothing_else() -> None:
    told = VECTORS["submitauxblock"]
    proof = wire.decode(bytes.fromhex(told["auxpow"]))
    assert wire.encode(proof).hex() == told["auxpow"]
    assert len(proof.coinbase_branch.hashes) == told["coinbase_branch"]
    assert proof.parent.hash == told["parent_hash"]
    found = wire.parse_commitment(proof.coinbase.outputs[2].script)
    assert found == wire.Commitment(
        root=bytes.fromhex(told["hash"]), merkle_size=told["merkle_size"], nonce=told["nonce"]
    )
    bits = int(told["parent_bits"], 16)
    assert proof.parent.bits == bits
    auxpow.check_auxpow(proof, header(bits), bytes.fromhex(told["hash"]), SPEC)
    with pytest.raises(BadAuxPow) as caught:
        auxpow.check_auxpow(proof, header(bits), bytes.fromhex(told["hash"])[::-1], SPEC)
    assert caught.value.flaw is PowFlaw.WRONG_COMMITMENT


def test_namecoins_first_merged_block_reads_writes_and_is_work() -> None:
    """Its commitment is in the coinbase's script, as was the custom; everything else is as ours."""
    told = VECTORS["namecoin_block"]
    own = bitcoin.parse_header(bytes.fromhex(told["header"]))
    assert (own.hash, f"{own.bits:08x}") == (told["hash"], told["bits"])
    proof = wire.decode(bytes.fromhex(told["auxpow"]))
    assert wire.encode(proof).hex() == told["auxpow"]
    root = proof.coinbase_branch.root_of(bitcoin.unshown(proof.coinbase.txid))
    assert bitcoin.shown(root) == proof.parent.merkle_root
    assert bitcoin.meets_target(proof.parent.hash, own.bits)
    script = proof.coinbase.inputs[0].script_sig
    place = script.index(wire.MAGIC)
    found = wire.parse_commitment(script[place : place + wire.COMMITMENT_BYTES])
    assert found is not None
    assert (found.root.hex(), found.merkle_size) == (told["hash"], 1)
    with pytest.raises(BadAuxPow) as caught:
        auxpow.check_auxpow(proof, header(own.bits), found.root, SPEC)
    assert caught.value.flaw is PowFlaw.MISSING_COMMITMENT


def test_commitments_in_blocks_of_a_pool() -> None:
    for told in VECTORS["pool_coinbases"]["cases"]:
        coinbase = bitcoin.parse_tx(bytes.fromhex(told["tx"]))
        found = wire.parse_commitment(coinbase.outputs[2].script)
        assert found is not None
        assert found == wire.Commitment(
            root=bytes.fromhex(told["committed"]), merkle_size=1, nonce=0
        )
        assert found.script() == coinbase.outputs[2].script


def test_places_in_the_tree_of_chains() -> None:
    for told in VECTORS["indices"]["cases"]:
        found = auxpow.expected_index(told["nonce"], told["chain_id"], told["branch"])
        assert found == told["index"], told


def test_work_is_shown_as_miners_of_namecoin_read_it() -> None:
    """The same keys in the same order, and the target in the order of a header's bytes."""
    told = VECTORS["createauxblock"]["answer"]
    shown = api.show_work(
        AuxWork(
            aux_hash=bytes.fromhex(told["hash"]),
            range_start=bytes(32),
            range_end=bytes(32),
            height=told["height"],
            bits=int(told["bits"], 16),
            chain_id=told["chainid"],
            previous=bytes.fromhex(told["previousblockhash"]),
            fee_recipient=bytes(20),
        )
    )
    assert list(shown) == list(told)
    assert shown == {**told, "coinbasevalue": 0}, "no coin is made in this chain"


@pytest.mark.parametrize("told", VECTORS["retarget"]["cases"], ids=lambda t: t["bits"])
def test_retargeting(told: dict[str, Any]) -> None:
    given = VECTORS["retarget"]["params"]
    own = RetargetParams(
        pow_limit=given["powLimit"],
        pow_lower_limit=given["powLowerLimit"],
        target_timespan=given["powTargetTimespan"],
        target_spacing=given["powTargetSpacing"],
        no_retargeting=False,
        max_adjustment=given["maxPowAdjustment"],
    )
    last = int(told["last"], 16)
    found = retarget.required_bits(
        own, last_bits=last, last_height=told["last_final"], end_height=told["end"]
    )
    assert f"{found:08x}" == told["bits"]
    outside = work.Retarget(
        spacing=given["powTargetSpacing"],
        timespan=given["powTargetTimespan"],
        easiest=given["powLimit"],
        hardest=given["powLowerLimit"],
        step_percent=given["maxPowAdjustment"],
    )
    covered = told["end"] - told["last_final"]
    assert work.bits_after(last, covered, told["end"], outside) == found
    still = msgspec.structs.replace(own, no_retargeting=True)
    assert (
        retarget.required_bits(
            still, last_bits=last, last_height=told["last_final"], end_height=told["end"]
        )
        == last
    )
