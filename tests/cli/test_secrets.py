"""``alys secrets``, typed."""

from pathlib import Path

import pytest

from alys.cli import front
from tests.kube.standin.server import StandIn


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    return str(tmp_path / "kubeconfig")


def test_it_fills_the_namespace_that_the_document_names(
    kubeconfig: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from alys.kube import client
    from tests.kube.clocks import Still

    with StandIn().running() as standin:
        standin.kubeconfig(Path(kubeconfig))
        environment = {"KUBECONFIG": kubeconfig}
        cluster = client.connect(environment, ticks=Still())
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "alys-v2-testing"}}
        cluster.create("/api/v1/namespaces", space)
        assert front.main(["secrets"], environment=environment) == 0
        assert standin.objects("Secret", "alys-v2-testing") == [
            "Secret/grafana-admin",
            "Secret/test-secrets",
        ]
        assert front.main(["secrets"], environment=environment) == 0
        assert front.main(["secrets", "--namespace", "nowhere"], environment=environment) == 3
    said = capsys.readouterr()
    assert "Secret test-secrets: made, with test_bitcoin_private_key" in said.out
    assert "Secret test-secrets: there already, nothing to do" in said.out
    assert "alys: the API server" in said.err
    assert 'namespaces "nowhere" not found' in said.err


def test_without_a_cluster_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["secrets"], environment={}) == 3
    assert capsys.readouterr().err.startswith("alys: no cluster: ")
