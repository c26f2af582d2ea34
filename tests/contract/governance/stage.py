"""What the contract tests know of a governance node: where it is, what opens it, whose federation it is in. And coins for it to sign.

The federation's script is derived here from its keys, apart from the code of the node under test.
"""

import itertools
import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from alys.wire import bitcoin
from tests.contract.governance.client import Client, Metadata, Stream

# BIP341: the point that nobody has the key of.
NUMS_KEY = bytes.fromhex("50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0")
PAYEE = bitcoin.p2wpkh_script(bitcoin.pubkey_of((77).to_bytes(32, "big")))
SATS = 5_000_000
_RUN = uuid.uuid4().hex  # noqa: TID251  # no seed decides what a node elsewhere has seen
_COINS = itertools.count(1)


class Federation(msgspec.Struct, frozen=True, kw_only=True):
    """The keys (x-only) in their order, and how many must sign."""

    keys: tuple[bytes, ...]
    threshold: int

    @property
    def leaf(self) -> bytes:
        """``<x1> CHECKSIG <x2> CHECKSIGADD .. <threshold> GREATERTHANOREQUAL``."""
        parts = [b"\x20" + key + (b"\xba" if n else b"\xac") for n, key in enumerate(self.keys)]
        return b"".join(parts) + bytes([0x50 + self.threshold, 0xA2])

    @property
    def script(self) -> bytes:
        """``OP_1 <output key>``."""
        output_key, _ = bitcoin.taproot_output(NUMS_KEY, self.leaf)
        return b"\x51\x20" + output_key


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One governance node under test."""

    name: str
    target: str
    token: str
    api_key: str
    """Empty: the node has none."""
    federation: Federation
    push: Callable[[str, dict[str, Any]], Any] | None
    """Has it announce something; None where nobody can."""

    @property
    def bearer(self) -> Metadata:
        """What a stream shows."""
        return (("authorization", f"Bearer {self.token}"),)

    def client(self) -> Client:
        """A client with the token."""
        return Client(self.target, self.bearer)


class Coin(msgspec.Struct, frozen=True, kw_only=True):
    """A deposit that nobody has heard of yet, and a payout of it."""

    txid: str
    tx: bitcoin.Tx

    @classmethod
    def fresh(cls, federation: Federation, paid: int = 1_000_000) -> "Coin":
        """Another one at each call, and in each run: a node elsewhere remembers those of the last one."""
        txid = f"{_RUN}{next(_COINS):032x}"
        place = bitcoin.OutPoint(txid=txid, vout=0)
        tx = bitcoin.Tx(
            inputs=(bitcoin.TxIn(outpoint=place, sequence=0xFFFFFFFD),),
            outputs=(
                bitcoin.TxOut(value=paid, script=PAYEE),
                bitcoin.TxOut(value=SATS - paid - 1_000, script=federation.script),
            ),
        )
        return cls(txid=txid, tx=tx)

    def notification(self, **fields: Any) -> dict[str, Any]:
        """Its ``pegin_notification``."""
        known = {
            "btc_txid": self.txid,
            "vout": 0,
            "amount": SATS,
            "evm_address": "0x" + "42" * 20,
            "confirmations": 6,
        }
        return {**known, **fields}

    def request(self, **fields: Any) -> dict[str, Any]:
        """Its ``signature_request``."""
        known = {
            "tx_hex": self.tx.serialize().hex(),
            "input_indices": [0],
            "amounts": [SATS],
            "tx_type": "TRANSACTION_TYPE_PEGOUT",
            "required_signatures": 2,
        }
        return {**known, **fields}

    def signers(self, answer: Any, federation: Federation) -> list[bytes]:
        """Whose witnesses an answer has. A signature that does not hold fails the test."""
        prevouts = (bitcoin.TxOut(value=SATS, script=federation.script),)
        digest = bitcoin.taproot_script_path_sighash(self.tx, 0, prevouts, federation.leaf)
        found = answer.signature_response.signatures
        for witness in found:
            assert bitcoin.schnorr_verify(witness.public_key, digest, witness.signature)
        return [witness.public_key for witness in found]


def opened(client: Client) -> Stream:
    """A stream that has registered."""
    stream = client.stream()
    assert stream.register(node_info={"version": "contract"}).accepted
    return stream
