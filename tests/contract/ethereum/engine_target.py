"""An execution client by URL, driven as a consensus client drives it: ours as a process, or somebody else's."""

import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from alys.config.services import LOCAL_SECRETS
from alys.models.ethereum import execution
from alys.models.ethereum.forks import Fork
from alys.models.ethereum.genesis import Genesis, geth_genesis
from alys.wire import engine
from alys.wire.engine import ExecutionPayload
from alys.wire.ethereum import to_data
from tests import foreign

ZERO = "0x" + "00" * 32
ROOT = "0x" + "0b" * 32
VERSIONS = {Fork.PARIS: 1, Fork.SHANGHAI: 2, Fork.CANCUN: 3}
SECONDS = 60.0
ANY_HASH = "0x" + "ee" * 32


class Refused(Exception):
    """An error answer; ``code`` is JSON-RPC's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One client on a chain of one fork; the calls take the version of that fork unless told otherwise."""

    name: str
    fork: Fork
    public_url: str
    engine_url: str
    secret: bytes

    @property
    def version(self) -> int:
        """Of the calls for this fork."""
        return VERSIONS[self.fork]

    def eth(self, method: str, *params: object) -> Any:
        """A public call; raises Refused."""
        return _call(self.public_url, method, params, {})

    def engine(self, method: str, *params: object) -> Any:
        """A call on the Engine port; raises Refused."""
        now = int(time.time())  # noqa: TID251  # what a token is made of
        token = engine.jwt_token(self.secret, now)
        return _call(self.engine_url, method, params, {"Authorization": f"Bearer {token}"})

    def head(self) -> Any:
        """The head as the public port shows it."""
        return self.eth("eth_getBlockByNumber", "latest", False)

    def balance(self, address: bytes) -> int:
        """In wei, at the head."""
        return int(self.eth("eth_getBalance", to_data(address), "latest"), 16)

    def attributes(self, parent: Any, *withdrawals: Any, seconds: int = 2, **more: object) -> Any:
        """What a block on that parent (a block or a payload) is asked to be, in the fork's structure."""
        wanted: dict[str, Any] = {
            "timestamp": hex(int(parent["timestamp"], 16) + seconds),
            "prevRandao": "0x" + "05" * 32,
            "suggestedFeeRecipient": "0x" + "fe" * 20,
        }
        if self.version >= 2:
            wanted["withdrawals"] = list(withdrawals)
        if self.version >= 3:
            wanted["parentBeaconBlockRoot"] = ROOT
        return {**wanted, **more}

    def forkchoice(
        self, head: str, attributes: Any = None, safe: str = ZERO, finalized: str = ZERO
    ) -> Any:
        """engine_forkchoiceUpdated."""
        state = {"headBlockHash": head, "safeBlockHash": safe, "finalizedBlockHash": finalized}
        return self.engine(f"engine_forkchoiceUpdatedV{self.version}", state, attributes)

    def build(self, *withdrawals: Any, seconds: int = 2) -> Any:
        """A payload on the head, not imported."""
        head = self.head()
        begun = self.forkchoice(head["hash"], self.attributes(head, *withdrawals, seconds=seconds))
        answer = self.engine(f"engine_getPayloadV{self.version}", begun["payloadId"])
        return answer if self.version == 1 else answer["executionPayload"]

    def give(self, payload: Any) -> Any:
        """engine_newPayload with what belongs to it."""
        more: list[object] = [[], ROOT] if self.version >= 3 else []
        return self.engine(f"engine_newPayloadV{self.version}", payload, *more)

    def mine(self, *withdrawals: Any, seconds: int = 2) -> Any:
        """A block on the head, made the head."""
        payload = self.build(*withdrawals, seconds=seconds)
        assert self.give(payload)["status"] == "VALID"
        assert self.forkchoice(payload["blockHash"])["payloadStatus"]["status"] == "VALID"
        return payload

    def rehashed(self, payload: Any, **changes: object) -> Any:
        """The payload changed, with the hash that its header then has."""
        changed = {**payload, **changes}
        read = ExecutionPayload.from_json(changed, self.version)
        header = execution.header_of(read, bytes.fromhex(ROOT[2:]))
        return {**changed, "blockHash": to_data(execution.hash_of(header))}


def credit(address: bytes, gwei: int) -> dict[str, str]:
    """A withdrawal."""
    return {
        "index": "0x0",
        "validatorIndex": "0x0",
        "address": to_data(address),
        "amount": hex(gwei),
    }


@contextlib.contextmanager
def ours(folder: Path, genesis: Genesis, fork: Fork) -> Iterator[Target]:
    """``alys mock ethereum`` in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "genesis.json"
    path.write_text(json.dumps(geth_genesis(genesis)))
    command = [sys.executable, "-m", "alys", "mock", "ethereum", "--genesis", str(path)]
    command += ["--dev-methods", "off"]  # nothing is mined before we say so
    for port in ("http-rpc", "ws-rpc", "engine", "metrics", "admin"):
        command += [f"--{port}-port", "0"]
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, text=True
        )
        try:
            assert process.stdout is not None
            doors = {}
            for line in process.stdout:
                name, url = line.split()
                doors[name] = url
                if name == "metrics":
                    break
            assert "engine" in doors, (folder / "said.txt").read_text()
            yield Target(
                name="ours",
                fork=fork,
                public_url=doors["http"],
                engine_url=doors["engine"],
                secret=bytes.fromhex(LOCAL_SECRETS["ENGINE_JWT_SECRET"]),
            )
        finally:
            process.terminate()
            process.wait(SECONDS)
            assert process.stdout is not None
            process.stdout.close()


@contextlib.contextmanager
def ethereumjs(folder: Path, genesis: Genesis, fork: Fork) -> Iterator[Target]:
    """@ethereumjs/client on the same genesis; skips where it is not there."""
    with foreign.ethereumjs(folder, geth_genesis(genesis)) as node:
        yield Target(
            name="ethereumjs",
            fork=fork,
            public_url=node.url,
            engine_url=node.engine_url,
            secret=node.jwt_secret,
        )


def _call(url: str, method: str, params: tuple[object, ...], headers: dict[str, str]) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    told = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, json.dumps(body).encode(), told)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as got:
            answer = json.loads(got.read())
    except urllib.error.HTTPError as error:
        answer = json.loads(error.read())
    if answer.get("error") is not None:
        raise Refused(answer["error"]["code"], answer["error"].get("message", ""))
    return answer["result"]
