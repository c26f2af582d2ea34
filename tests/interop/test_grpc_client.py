"""A client that compiles the proto by itself, in a process of its own, registers and gets a signature that verifies."""

import asyncio
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from alys.base.prng import SeededRandom
from alys.models.governance.node import PROTOCOL_VERSION, GovernanceNode
from alys.shells.governance_server import serve_governance
from alys.wire import bitcoin
from tests.models.governance.builders import KEYS, NOW, PAYEE_SCRIPT, SECRETS

CLIENT = '''
"""Knows the proto file and the address, nothing else."""
import json, sys
import grpc
import governance_pb2 as pb, governance_pb2_grpc as rpc

target, version, txid, sats, tx_hex = sys.argv[1:]

def requests():
    meta = dict(node_id="stranger", protocol_version=version, timestamp=1)
    yield pb.StreamRequest(metadata=pb.RequestMetadata(request_id="r1", **meta),
        node_registration=pb.NodeRegistration(node_info=pb.NodeInfo(version="0")))
    yield pb.StreamRequest(metadata=pb.RequestMetadata(request_id="r2", **meta),
        pegin_notification=pb.PeginNotification(btc_txid=txid, vout=0, amount=int(sats)))
    yield pb.StreamRequest(metadata=pb.RequestMetadata(request_id="r3", **meta),
        signature_request=pb.SignatureRequest(tx_hex=tx_hex, input_indices=[0], amounts=[int(sats)],
            tx_type=pb.TRANSACTION_TYPE_PEGOUT, required_signatures=2))

with grpc.insecure_channel(target) as channel:
    stub = rpc.GovernanceStreamStub(channel)
    health = stub.Health(pb.HealthRequest(), timeout=20)
    answers = {a.metadata.request_id: a for a in stub.Stream(requests(), timeout=20)}
signed = answers["r3"].signature_response
print(json.dumps({
    "healthy": health.status == pb.HEALTH_STATUS_HEALTHY,
    "accepted": answers["r1"].registration_ack.accepted,
    "status": pb.SignatureStatus.Name(signed.status),
    "witnesses": [[w.public_key.hex(), w.signature.hex()] for w in signed.signatures],
}))
'''

TXID = "ab" * 32
SATS = 5_000_000


def unsigned_payout(federation_script: bytes) -> bitcoin.Tx:
    """Spends the notified coin: one payee, and the change."""
    place = bitcoin.OutPoint(txid=TXID, vout=0)
    return bitcoin.Tx(
        inputs=(bitcoin.TxIn(outpoint=place, sequence=0xFFFFFFFD),),
        outputs=(
            bitcoin.TxOut(value=1_000_000, script=PAYEE_SCRIPT),
            bitcoin.TxOut(value=3_999_000, script=federation_script),
        ),
    )


def compile_stubs(folder: Path) -> None:
    """What any user of the proto does first."""
    proto = resources.files("alys.wire") / "governance.proto"
    (folder / "governance.proto").write_bytes(proto.read_bytes())
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(folder)]
    command += ["--python_out", str(folder), "--grpc_python_out", str(folder)]
    subprocess.run([*command, "governance.proto"], cwd=folder, check=True, timeout=60)
    (folder / "client.py").write_text(CLIENT)


async def _serve_while(node: GovernanceNode, folder: Path, tx: bitcoin.Tx) -> dict[str, object]:
    server = await serve_governance(node)
    try:
        arguments = (server.url, PROTOCOL_VERSION, TXID, str(SATS), tx.serialize().hex())
        process = await asyncio.create_subprocess_exec(
            sys.executable, "client.py", *arguments,
            cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        await server.close()
    assert process.returncode == 0, err.decode()
    told: dict[str, object] = json.loads(out)
    return told


@pytest.mark.slow
def test_a_stranger_registers_and_gets_a_signature_that_verifies(tmp_path: Path) -> None:
    compile_stubs(tmp_path)
    node = GovernanceNode("governance-1", SECRETS[0], KEYS, 2, lambda: NOW, SeededRandom(7))
    script = node.federation.output_script()
    tx = unsigned_payout(script)
    told = asyncio.run(_serve_while(node, tmp_path, tx))
    assert told["healthy"]
    assert told["accepted"]
    assert told["status"] == "SIGNATURE_STATUS_PARTIAL"
    assert isinstance(told["witnesses"], list)
    ((key, signature),) = told["witnesses"]
    leaf = b"".join(
        b"\x20" + xonly + (b"\xac" if n == 0 else b"\xba") for n, xonly in enumerate(KEYS)
    )
    leaf += b"\x52\xa2"
    prevouts = (bitcoin.TxOut(value=SATS, script=script),)
    digest = bitcoin.taproot_script_path_sighash(tx, 0, prevouts, leaf)
    assert bytes.fromhex(key) == KEYS[0]
    assert bitcoin.schnorr_verify(KEYS[0], digest, bytes.fromhex(signature))
    flipped = bytes([digest[0] ^ 1]) + digest[1:]
    assert not bitcoin.schnorr_verify(KEYS[0], flipped, bytes.fromhex(signature))
