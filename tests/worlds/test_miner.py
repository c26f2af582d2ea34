"""The merged miner's proof is one, by the chain's own judgement, and is none after any change."""

from typing import Any

import msgspec
import pytest

from alys.chain import auxpow as judge
from alys.chain.auxpow import BadAuxPow
from alys.chain.blocks import AuxPowHeader
from alys.chain.spec import dev_spec
from alys.models.bitcoin.node import BitcoinNode
from alys.wire import auxpow, bitcoin
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
