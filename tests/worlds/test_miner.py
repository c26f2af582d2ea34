"""The merged miner's proof is one, by the chain's own judgement, and is none after any change."""

import functools
import itertools
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.chain import auxpow as judge
from alys.chain import retarget
from alys.chain.auxpow import BadAuxPow
from alys.chain.blocks import AuxPowHeader
from alys.chain.retarget import RetargetParams
from alys.chain.spec import dev_spec
from alys.cli import front as cli
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import auxpow, bitcoin
from alys.worlds import miner
from alys.worlds.miner import prove

SPEC = dev_spec(bytes(32))
HASH = b"\x5a" * 32
START = 1_767_225_600


def template(*, with_transactions: bool = False) -> Any:
    """What a Bitcoin node would mine next."""
    node = BitcoinNode(lambda: float(START), START)
    found = node.handle("getblocktemplate", [{"rules": ["segwit"]}])
    if with_transactions:
        found["transactions"] = [{"txid": bytes([n]).hex() * 32} for n in range(1, 4)]
    return found


def judged(proof: auxpow.AuxPow, committed: bytes = HASH) -> None:
    header = AuxPowHeader(
        range_start=HASH,
        range_end=HASH,
        bits=SPEC.bits,
        chain_id=SPEC.aux_chain_id,
        height=1,
        fee_recipient=bytes(20),
        auxpow=auxpow.encode(proof),
    )
    judge.check_auxpow(judge.decode_proof(header), header, committed, SPEC)


@pytest.mark.parametrize("with_transactions", [False, True])
def test_it_proves_work_for_what_was_asked(with_transactions: bool) -> None:
    proof = prove(HASH, SPEC.bits, template(with_transactions=with_transactions))
    judged(proof)
    assert len(proof.coinbase_branch.hashes) == (2 if with_transactions else 0)
    assert bitcoin.meets_target(proof.parent.hash, SPEC.bits)


def test_it_proves_nothing_else() -> None:
    proof = prove(HASH, SPEC.bits, template())
    with pytest.raises(BadAuxPow, match="wrong-commitment"):
        judged(proof, committed=b"\x5b" * 32)
    other = msgspec.structs.replace(proof.parent, merkle_root="00" * 32)
    with pytest.raises(BadAuxPow, match="merkle-root-incorrect"):
        judged(msgspec.structs.replace(proof, parent=other))


def test_a_header_without_work_is_refused() -> None:
    proof = prove(HASH, SPEC.bits, template())
    lazy = proof.parent
    while bitcoin.meets_target(lazy.hash, SPEC.bits):
        lazy = msgspec.structs.replace(lazy, nonce=lazy.nonce + 1)
    with pytest.raises(BadAuxPow, match="not-enough-work"):
        judged(msgspec.structs.replace(proof, parent=lazy))


MOVING = RetargetParams(
    pow_limit=0x2100FFFF,
    pow_lower_limit=0x2000FFFF,
    target_timespan=6,
    target_spacing=3,
    no_retargeting=False,
    max_adjustment=20,
)
"""Wanted is a proof every three blocks, and the target moves at every second height."""


def moving(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Worlds are on a chain that retargets; the bits of the proofs that they make."""
    made = functools.partial(dev_spec, retarget=MOVING)
    monkeypatch.setattr("alys.chain.spec.dev_spec", made)
    seen: list[int] = []

    def noting(aux_hash: bytes, bits: int, told: dict[str, Any]) -> auxpow.AuxPow:
        seen.append(bits)
        return prove(aux_hash, bits, told)

    monkeypatch.setattr(miner, "prove", noting)
    return seen


def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    words = ["test", "integration", "--world", "sim", "--seed", "7", "-k", "bridge_operation"]
    cli.main([*words, "-o", "json", "--results-dir", str(folder)])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


@pytest.mark.slow
def test_a_network_goes_on_while_its_target_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Producer, validators and the oracle outside agree on every target."""
    seen = moving(monkeypatch)
    told = run(tmp_path, capsys)
    assert told["exit_code"] == 0, told["causes"]
    assert len(seen) > 3
    assert len(set(seen)) > 1
    steps = [later / now for now, later in itertools.pairwise(map(bitcoin.target_of, seen))]
    assert 0.79 < min(steps) < 1
    assert max(steps) < 1.21


@pytest.mark.slow
def test_a_network_that_makes_work_five_times_as_hard_in_a_step_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As upstream's clamp does, in producer and validators alike."""
    moving(monkeypatch)
    percent = retarget.adjustment_percent

    def upstreams(params: RetargetParams, covered: int) -> int:
        found = percent(params, covered)
        return 20 if found < 100 else found

    monkeypatch.setattr(retarget, "adjustment_percent", upstreams)
    told = run(tmp_path, capsys)
    assert told["exit_code"] == 1
    assert "no proof of work for the range" in str(told["cause"])
