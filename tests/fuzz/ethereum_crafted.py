"""Signed transactions, payloads with a true hash and programs of the EVM that are wrong further in."""

import contextlib
from typing import Any

from ethereum_rlp import rlp
from ethereum_types.numeric import Uint

from alys.base.prng import SeededRandom
from alys.models.ethereum.node import EthereumNode
from alys.wire.ethereum import to_data
from tests.fuzz import odd
from tests.fuzz.bodies import Crafted, Params
from tests.fuzz.ethereum_good import ADDRESS
from tests.models.ethereum import builders

BIG = (0, 1, 2**32, 2**63, 2**64 - 1, 2**64, 2**128, 2**256 - 1, 2**256)
GAS = (0, 20_999, 21_000, 53_000, 100_000, 30_000_000, 30_000_001, 2**64 - 1, 2**64)
FIELDS = ("nonce", "value", "gas", "max_fee", "max_tip", "chain_id", "data", "to")
QUANTITIES = ("blockNumber", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas")
HASHES = ("parentHash", "stateRoot", "receiptsRoot", "prevRandao")
CALL_GAS = 60_000
"""A program gets little gas here: what it does with much is tried in tests of its own."""


def crafted(node: EthereumNode) -> Crafted:
    """Makers of calls, for ``Bodies``."""
    payload = builders.built(node, builders.withdrawal(builders.PAYEE, 7))

    def transaction_call(random: SeededRandom) -> tuple[str, Params]:
        raw = _signed(random)
        return "eth_sendRawTransaction", [to_data(raw)]

    def payload_call(random: SeededRandom) -> tuple[str, Params]:
        changed = _payload_changed(random, payload)
        with contextlib.suppress(Exception):  # what has no hash keeps the old one
            changed = builders.rehashed(changed)
        return "engine_newPayloadV2", [changed]

    def program_call(random: SeededRandom) -> tuple[str, Params]:
        call = {"from": ADDRESS, "data": to_data(_program(random)), "gas": hex(CALL_GAS)}
        return random.choice(("eth_call", "eth_estimateGas")), [call]

    return (transaction_call, payload_call, program_call)


def _signed(random: SeededRandom) -> bytes:
    """A transaction with odd fields and a true signature, or its bytes changed."""
    changes: dict[str, Any] = {}
    for _ in range(1 + random.below(2)):
        field = random.choice(FIELDS)
        if field == "data":
            changes["data"] = random.choice((b"", bytes(50_000), _program(random)))
        elif field == "to":
            changes["to"] = random.choice((None, bytes(20), bytes(19) + b"\x09", builders.USER))
        elif field == "gas":
            changes["gas"] = random.choice(GAS)
        else:
            changes[field] = random.choice(BIG)
    raw = builders.signed(**{"nonce": 3 + random.below(3), **changes})
    kind = random.below(6)
    if kind == 0:
        return odd.bytes_changed(random, raw)
    if kind == 1:
        return bytes([random.below(256)]) + raw[1:]
    if kind == 2:
        return raw[:1] + rlp.encode([Uint(random.below(9)), [b"", [b""]], random.randbytes(40)])
    return raw


def _payload_changed(random: SeededRandom, payload: dict[str, Any]) -> dict[str, Any]:
    made = dict(payload)
    for _ in range(1 + random.below(2)):
        kind = random.below(8)
        if kind < 2:
            made[random.choice(QUANTITIES)] = hex(random.choice(BIG))
        elif kind == 2:
            name = random.choice(QUANTITIES)
            made[name] = hex(max(0, int(payload[name], 16) + random.choice((-1, 1, 2, 1000))))
        elif kind == 3:
            made[random.choice(HASHES)] = to_data(random.randbytes(32))
        elif kind == 4:
            made["transactions"] = [to_data(_signed(random)) for _ in range(1 + random.below(3))]
        elif kind == 5:
            made["extraData"] = to_data(bytes(random.choice((0, 1, 32, 33, 1000))))
        elif kind == 6:
            one = dict(builders.withdrawal(builders.PAYEE, 1).to_json())
            one[random.choice(list(one))] = hex(random.choice(BIG))
            made["withdrawals"] = [one] * random.choice((1, 2, 17))
        else:
            made["feeRecipient"] = to_data(random.randbytes(random.choice((20, 20, 19, 32))))
    return made


def _program(random: SeededRandom) -> bytes:
    """Opcodes at random behind a few numbers on the stack."""
    pushes = b"".join(
        bytes([0x60 + n]) + random.randbytes(n + 1)
        for n in (random.below(32) for _ in range(random.below(9)))
    )
    known = bytes(random.choice(OPCODES) for _ in range(random.below(20)))
    return pushes + known + random.randbytes(random.below(8))


OPCODES = (
    *range(0x0C),
    *range(0x10, 0x1E),
    0x20,
    *range(0x30, 0x49),
    *range(0x50, 0x60),
    *range(0x80, 0x84),
    *range(0x90, 0x94),
    *range(0xA0, 0xA5),
    *range(0xF0, 0xF6),
    *(0xFA, 0xFD, 0xFE, 0xFF),
)
