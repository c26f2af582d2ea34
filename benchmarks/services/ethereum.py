"""eth_call and the import of blocks beside @ethereumjs/client, from one genesis.json on."""

import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from alys.models.ethereum.genesis import GenesisAccount, dev_genesis, geth_genesis
from alys.models.ethereum.node import EthereumNode
from alys.wire import ethereum
from alys.wire.engine import jwt_token
from alys.wire.ethereum import to_data
from benchmarks.services.pairs import Pair, Work
from benchmarks.services.processes import SECRETS, Failed, Rpc, body_of, ours
from benchmarks.services.results import Other

TRANSFERS = 50
IMPORTS = 3
CALLS = 20
START = 1_767_225_600
SENDERS = [number.to_bytes(32, "big") for number in range(1, TRANSFERS + 1)]
PAYEE = b"\x42" * 20
ZERO = "0x" + "00" * 32

LOOPS = 100
LOOP = b"\xc0" * 20
LOOP_CODE = bytes.fromhex(f"61{LOOPS:04x}5b60206000206000526001900380600357602060" + "00f3")
"""Hashes a word a hundred times, counting down: thirteen opcodes a turn."""

LOOP_RESULT_BYTES = 32
TOKEN_SECONDS = 20.0


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The genesis, and the payloads that both sides are timed with, in their order on the chain by kind."""

    genesis: dict[str, Any]
    empty: list[dict[str, Any]]
    full: list[dict[str, Any]]


class Token:
    """A bearer token that is renewed before it is too old."""

    def __init__(self) -> None:
        self._made_at = -TOKEN_SECONDS
        self._headers: dict[str, str] = {}

    def __call__(self) -> Mapping[str, str]:
        """The header that carries it."""
        if time.monotonic() - self._made_at >= TOKEN_SECONDS:
            self._made_at = time.monotonic()
            token = jwt_token(bytes.fromhex(SECRETS["ENGINE_JWT_SECRET"]), int(time.time()))
            self._headers = {"Authorization": f"Bearer {token}"}
        return self._headers


@contextlib.contextmanager
def prepared(folder: Path, rounds: int) -> Iterator[tuple[list[Pair], Other]]:
    """The cases, both sides running; without ethereumjs ours alone."""
    chain = make_chain(rounds + 1)
    file = folder / "genesis.json"
    file.write_text(json.dumps(chain.genesis), encoding="utf-8")
    with contextlib.ExitStack() as stack:
        doors = stack.enter_context(ours("ethereum", "--genesis", str(file)))
        mine = (Rpc(doors["http"], dict), Rpc(doors["engine"], Token()))
        theirs, other = None, _absent()
        if other is None:
            from tests import foreign

            secret = bytes.fromhex(SECRETS["ENGINE_JWT_SECRET"])
            started = foreign.ethereumjs(folder / "ethereumjs", chain.genesis, jwt_secret=secret)
            node = stack.enter_context(started)
            theirs = (Rpc(node.url, dict), Rpc(node.engine_url, Token()))
            other = _other(said=theirs[0].call("web3_clientVersion"))
        for rpc in (*mine, *(theirs or ())):
            stack.callback(rpc.close)
        if theirs is not None and _block_0(mine[0]) != _block_0(theirs[0]):
            raise Failed("ethereum: the two have different genesis blocks")
        yield list(_pairs(mine, theirs, chain)), other


def _block_0(rpc: Rpc) -> str:
    found: str = rpc.call("eth_getBlockByNumber", "0x0", False)["hash"]
    return found


def _pairs(mine: tuple[Rpc, Rpc], theirs: tuple[Rpc, Rpc] | None, chain: Chain) -> Iterator[Pair]:
    sender = to_data(ethereum.address_of(SENDERS[0]))
    nothing = {"from": sender, "to": to_data(PAYEE), "value": "0x1", "gas": "0x186a0"}
    loop = {"from": sender, "to": to_data(LOOP), "gas": "0x186a0"}
    calls = (
        ("eth_blockNumber", "no execution: what a call costs at least", "eth_blockNumber", ()),
        ("eth_call, a transfer", "one ether's smallest part, no code", "eth_call", (nothing,)),
        ("eth_call, a loop", f"a contract that hashes {LOOPS} times", "eth_call", (loop,)),
    )
    for name, how, method, params in calls:
        body = body_of(method, *params, *(("latest",) if params else ()))
        yield Pair(
            service="ethereum",
            name=name,
            how=how,
            calls=CALLS,
            ours=_asking(mine[0], body),
            theirs=None if theirs is None else _asking(theirs[0], body),
        )
    for name, payloads in (("no transfer", chain.empty), (f"{TRANSFERS} transfers", chain.full)):
        yield Pair(
            service="ethereum",
            name=f"import, {name}",
            how="engine_newPayloadV2 with the next block, then engine_forkchoiceUpdatedV2 to it; both must say VALID",
            calls=IMPORTS,
            ours=_importing(mine[1], payloads),
            theirs=None if theirs is None else _importing(theirs[1], payloads),
        )


def _asking(rpc: Rpc, body: bytes) -> Work:
    def ask(_: int) -> None:
        answer = rpc.post(body)
        if b'"error"' in answer:
            raise Failed(f"ethereum: {answer[:300]!r}")

    return ask


def _importing(rpc: Rpc, payloads: list[dict[str, Any]]) -> Work:
    bodies = [
        (
            body_of("engine_newPayloadV2", payload),
            body_of("engine_forkchoiceUpdatedV2", _head(payload["blockHash"])),
        )
        for payload in payloads
    ]

    def take(number: int) -> None:
        for body in bodies[number]:
            answer = rpc.post(body)
            if b'"VALID"' not in answer:
                raise Failed(f"ethereum: {answer[:500]!r}")

    return take


def _head(block_hash: str) -> dict[str, str]:
    return {"headBlockHash": block_hash, "safeBlockHash": ZERO, "finalizedBlockHash": ZERO}


def make_chain(rounds: int) -> Chain:
    """For each round a few empty blocks, then a few with fifty transfers from as many senders."""
    genesis = dev_genesis(
        START, balances={ethereum.address_of(secret): 10**20 for secret in SENDERS}
    )
    loop = GenesisAccount(address=LOOP, nonce=1, code=LOOP_CODE)
    genesis = msgspec.structs.replace(genesis, accounts=(*genesis.accounts, loop))
    node = EthereumNode(genesis, lambda: START + 1e6)
    empty, full = [], []
    nonce = 0
    for _ in range(rounds):
        empty += [_mined(node) for _ in range(IMPORTS)]
        for _ in range(IMPORTS):
            for secret in SENDERS:
                node.handle("eth_sendRawTransaction", [to_data(_transfer(secret, nonce))])
            nonce += 1
            full.append(_mined(node))
            if len(full[-1]["transactions"]) != TRANSFERS:
                raise Failed(f"a block with {len(full[-1]['transactions'])} transfers was built")
    return Chain(genesis=geth_genesis(genesis), empty=empty, full=full)


def _transfer(secret: bytes, nonce: int) -> bytes:
    return ethereum.sign_transaction(
        secret,
        chain_id=121212,
        nonce=nonce,
        to=PAYEE,
        value=1,
        gas=21_000,
        max_fee=3 * 10**9,
        max_tip=10**9,
    )


def _mined(node: EthereumNode) -> dict[str, Any]:
    """The next block, built, imported and made the head."""
    head = node.handle("eth_getBlockByNumber", ["latest", False])
    attributes = {
        "timestamp": hex(int(head["timestamp"], 16) + 2),
        "prevRandao": ZERO,
        "suggestedFeeRecipient": to_data(PAYEE),
        "withdrawals": [],
    }
    begun = node.handle_engine("engine_forkchoiceUpdatedV2", [_head(head["hash"]), attributes])
    built = node.handle_engine("engine_getPayloadV2", [begun["payloadId"]])
    payload: dict[str, Any] = built["executionPayload"]
    node.handle_engine("engine_newPayloadV2", [payload])
    node.handle_engine("engine_forkchoiceUpdatedV2", [_head(payload["blockHash"])])
    return payload


def _absent() -> Other | None:
    if shutil.which("ethereumjs") is not None:
        return None
    return _other(said="ethereumjs is not on PATH; .ci/foreign FOLDER brings it", here=False)


def _other(said: str, *, here: bool = True) -> Other:
    return Other(service="ethereum", name="@ethereumjs/client", said=said, here=here)
