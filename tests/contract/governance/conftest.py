"""The governance nodes of the contract tests: ours in this process, ours as a process, and one that the environment names."""

import asyncio
import os
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from alys.base.prng import SeededRandom
from alys.config.services import LOCAL_SECRETS
from alys.models.governance.node import GovernanceNode
from alys.shells.governance_server import RunningGovernance, serve_governance
from tests.cli.test_mock import SECRETS, started
from tests.contract.governance.client import Client
from tests.contract.governance.stage import Federation, Node
from tests.models.governance.builders import KEYS
from tests.models.governance.builders import SECRETS as MEMBERS

URL = "ALYS_CONTRACT_GOVERNANCE_URL"
"""``host:port`` of a node to test beside ours."""
TOKEN = "ALYS_CONTRACT_GOVERNANCE_TOKEN"
API_KEY = "ALYS_CONTRACT_GOVERNANCE_API_KEY"
FEDERATION = "ALYS_CONTRACT_GOVERNANCE_FEDERATION"
"""``threshold:key,key,..``, x-only; unset: the development federation."""

DEVELOPMENT = Federation(keys=tuple(KEYS), threshold=2)
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


WHERE = ["server", "process", *(["url"] if os.environ.get(URL) else [])]


@pytest.fixture(scope="package", params=WHERE)
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """Each of them in turn: what a test says of one, it says of all."""
    match request.param:
        case "server":
            yield from _server()
        case "process":
            yield from _process(tmp_path_factory)
        case _:
            yield _elsewhere()


@pytest.fixture
def client(node: Node) -> Iterator[Client]:
    """A client that learnt the protocol from the node itself."""
    found = node.client()
    yield found
    found.close()


def _server() -> Iterator[Node]:
    """A server on a loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def on_loop(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    async def pushed(verb: str, fields: dict[str, Any]) -> Any:
        return model.push({verb: fields})

    token, key = LOCAL_SECRETS["GOVERNANCE_TOKEN"], LOCAL_SECRETS["GOVERNANCE_API_KEY"]
    model = GovernanceNode(
        "governance-node-1",
        MEMBERS[0],
        KEYS,
        2,
        lambda: loop.time() + 1_767_225_600,
        SeededRandom(1),
        bearer_token=token,
        api_key=key,
    )
    server: RunningGovernance = on_loop(serve_governance(model))
    try:
        yield Node(
            name="server",
            target=server.url,
            token=token,
            api_key=key,
            federation=DEVELOPMENT,
            push=lambda verb, fields: on_loop(pushed(verb, fields)),
        )
    finally:
        on_loop(server.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """``alys mock governance``."""
    log = tmp_path_factory.mktemp("governance") / "log"
    with started("governance", log) as mock:
        yield Node(
            name="process",
            target=mock.doors["grpc"],
            token=SECRETS["GOVERNANCE_TOKEN"],
            api_key=LOCAL_SECRETS["GOVERNANCE_API_KEY"],
            federation=DEVELOPMENT,
            push=lambda verb, fields: mock.admin("/push", {verb: fields}),
        )


def _elsewhere() -> Node:
    target = os.environ[URL]
    threshold, _, keys = os.environ.get(FEDERATION, "").partition(":")
    federation = DEVELOPMENT
    if keys:
        listed = tuple(bytes.fromhex(key) for key in keys.split(","))
        federation = Federation(keys=listed, threshold=int(threshold))
    admin = os.environ.get("ALYS_CONTRACT_GOVERNANCE_ADMIN_URL", "")
    return Node(
        name=URL,
        target=target.removeprefix("grpc://"),
        token=os.environ.get(TOKEN, LOCAL_SECRETS["GOVERNANCE_TOKEN"]),
        api_key=os.environ.get(API_KEY, ""),
        federation=federation,
        push=_admin(admin) if admin else None,
    )


def _admin(url: str) -> Any:
    """``POST /push`` of an admin port like ours."""
    token = os.environ.get("ADMIN_TOKEN", LOCAL_SECRETS["ADMIN_TOKEN"])

    def push(verb: str, fields: dict[str, Any]) -> Any:
        body = msgspec.json.encode({verb: fields})
        request = urllib.request.Request(f"{url.rstrip('/')}/push", body)
        request.add_header("Authorization", f"Bearer {token}")
        with NO_PROXY.open(request, timeout=20) as answer:
            return msgspec.json.decode(answer.read())

    return push
