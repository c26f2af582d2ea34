"""What is known of a node that somebody else started; a whole check is in tests/cli/test_check.py."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from alys.base.errors import EnvironmentFailure, UsageError
from alys.chain import spec_document
from alys.chain.spec import ChainSpec, dev_spec
from alys.config import keys
from alys.config.settings import Settings
from alys.node import ports
from alys.shells.jsonrpc_server import serve_jsonrpc
from alys.wire.jsonrpc import METHOD_NOT_FOUND, Dialect, Params, RpcError
from alys.worlds import foreign
from alys.worlds.foreign import Subject
from alys.worlds.protocol import ScenarioInfo

SPEC = dev_spec(bytes(range(32)), bitcoin_start_height=7)
ADDRESS = SPEC.federation.address("regtest")


def told(**answers: Any) -> ChainSpec:
    """What is made of a node's answers; a method without one does not exist."""

    def handle(method: str, params: Params) -> Any:
        if method not in answers:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        return answers[method]

    async def run() -> ChainSpec:
        server = await serve_jsonrpc(handle, Dialect.ETHEREUM, "127.0.0.1", 0, what="a node")
        try:
            return await foreign.specification(Subject(node_rpc=server.url))
        finally:
            await server.close()

    return asyncio.run(run())


def test_the_specification_is_the_one_that_was_given_or_the_nodes_own() -> None:
    assert asyncio.run(foreign.specification(Subject(spec=SPEC))) == SPEC
    assert told(alys_spec=spec_document.write(SPEC)) == SPEC


def test_a_node_that_tells_its_address_alone_is_on_the_development_chain_or_needs_a_file() -> None:
    assert told(getdepositaddress=ADDRESS) == dev_spec(bytes(32))
    with pytest.raises(UsageError, match=r"bcrt1elsewhere .* give it with --spec"):
        told(getdepositaddress="bcrt1elsewhere")


def test_a_node_that_can_be_asked_nothing_needs_a_file() -> None:
    with pytest.raises(UsageError, match="--spec"):
        asyncio.run(foreign.specification(Subject()))


def test_a_node_that_is_away_is_named() -> None:
    with pytest.raises(EnvironmentFailure, match=r"the node: http://127\.0\.0\.1:9 .*is it up"):
        asyncio.run(foreign.specification(Subject(node_rpc="http://127.0.0.1:9")))


def test_what_needs_the_nodes_actors_is_refused_with_the_reason(tmp_path: Path) -> None:
    info = ScenarioInfo(name="one", seed=1, scratch=tmp_path)
    settings = Settings()
    world = foreign.ForeignWorld(
        settings, info, keys.read({}, settings.mock_services), Subject(spec=SPEC)
    )
    for verb, name in (
        (world.messages, "messages"),
        (lambda: world.begin_call("node/chain", ports.StoreGet(key=b"")), "begin_call"),
        (lambda: world.actors.tree, "actors.tree"),
    ):
        with pytest.raises(UsageError, match=rf"^world\.{name} needs a node of ours"):
            verb()
