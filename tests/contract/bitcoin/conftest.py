"""The two nodes of the contract tests: ours as a process of its own, and a real one beside it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import pytest

from tests import foreign
from tests.contract.bitcoin import stage
from tests.contract.bitcoin.service import Service

URL_VARIABLE = "ALYS_CONTRACT_BITCOIN_URL"
"""http://user:password@host:port of a regtest node to test in place of bitcoind; its chain grows, its clock is set."""


@pytest.fixture(scope="module")
def ours() -> Iterator[Service]:
    """``alys mock bitcoin`` on free ports."""
    ports = [f"--{door}-port=0" for door in ("rpc", "p2p", "metrics", "admin")]
    words = ["mock", "bitcoin", *ports]
    process = subprocess.Popen(
        [sys.executable, "-m", "alys", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        name, url = process.stdout.readline().split()
        assert name == "rpc"
        yield Service(name="ours", url=url, user="alys", password="regtest")
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A bitcoind with a data directory of its own, or the node that the environment names."""
    url = os.environ.get(URL_VARIABLE, "")
    if url:
        place = urlsplit(url)
        yield Service(
            name=URL_VARIABLE,
            url=f"{place.scheme}://{place.hostname}:{place.port}",
            user=unquote(place.username or ""),
            password=unquote(place.password or ""),
        )
        return
    folder = tmp_path_factory.mktemp("bitcoind")
    with foreign.bitcoind(folder) as node:
        yield Service(name="bitcoind", url=node.url, user=node.user, password=node.password)


@pytest.fixture(scope="module")
def known(ours: Service, theirs: Service) -> stage.Known:
    """One chain and one mempool on both."""
    return stage.prepare(ours, theirs)


@pytest.fixture(scope="module", params=["ours", "theirs"])
def service(request: pytest.FixtureRequest) -> Service:
    """Each of the two in turn: what a test says of it, it says of both."""
    found: Service = request.getfixturevalue(request.param)
    return found
