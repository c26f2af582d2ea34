"""The two clients of the contract tests, on one chain: ours, and a real one beside it."""

import os
from collections.abc import Iterator

import pytest

from alys.config.services import LOCAL_SECRETS
from tests import foreign
from tests.contract.ethereum import stage
from tests.contract.ethereum.client import Client
from tests.interop import ethereum_service

URL_VARIABLE = "ALYS_CONTRACT_ETHEREUM_URL"
"""http://host:port of a client to test in place of ethereumjs; it begins with ``genesis.json`` and no peers."""
ENGINE_URL_VARIABLE = "ALYS_CONTRACT_ETHEREUM_ENGINE_URL"
JWT_VARIABLE = "ALYS_CONTRACT_ETHEREUM_JWT_SECRET"


@pytest.fixture(scope="module")
def ours() -> Iterator[Client]:
    """``alys mock ethereum`` on free ports."""
    with ethereum_service.running(ETHEREUM_GENESIS=str(stage.GENESIS)) as service:
        secret = bytes.fromhex(LOCAL_SECRETS["ENGINE_JWT_SECRET"])
        yield Client(name="ours", url=service.http, engine_url=service.engine, jwt_secret=secret)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An ethereumjs with a folder of its own, or the client that the environment names."""
    url = os.environ.get(URL_VARIABLE, "")
    if url:
        secret = bytes.fromhex(os.environ[JWT_VARIABLE].removeprefix("0x"))
        engine_url = os.environ[ENGINE_URL_VARIABLE]
        yield Client(name=URL_VARIABLE, url=url, engine_url=engine_url, jwt_secret=secret)
        return
    with foreign.ethereumjs(tmp_path_factory.mktemp("ethereumjs"), stage.genesis()) as node:
        yield Client(
            name="ethereumjs",
            url=node.url,
            engine_url=node.engine_url,
            jwt_secret=node.jwt_secret,
        )


@pytest.fixture(scope="module")
def known(ours: Client, theirs: Client) -> stage.Known:
    """One chain on both."""
    return stage.prepare(ours, theirs)
