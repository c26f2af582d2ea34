"""An API server for each test: the stand-in, and our client on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alys.kube import client
from tests.kube.clocks import Still
from tests.kube.standin.server import StandIn

NAMESPACE = "alys-v2-testing"


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn().running() as server:
        yield server


@pytest.fixture
def kubeconfig(standin: StandIn, tmp_path: Path) -> Path:
    return standin.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def cluster(kubeconfig: Path) -> client.Cluster:
    """In the project's namespace, which is there; pauses take no time."""
    opened = client.connect({"KUBECONFIG": str(kubeconfig)}, namespace=NAMESPACE, ticks=Still())
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    opened.create("/api/v1/namespaces", space)
    return opened
