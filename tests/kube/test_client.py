"""The door to the API server: where it is found, what is repeated, and what is said when it refuses."""

import socket
from pathlib import Path

import pytest

from alys.base import errors
from alys.kube import client
from tests.kube.clocks import Still
from tests.kube.conftest import NAMESPACE
from tests.kube.standin.server import StandIn, write_kubeconfig

CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"


def config_map(name: str = "one") -> client.Document:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"a": "1"},
    }


def test_a_machine_without_a_cluster_is_told_what_to_set() -> None:
    with pytest.raises(errors.EnvironmentFailure, match="set KUBECONFIG="):
        client.connect({}, ticks=Still())


@pytest.mark.parametrize("text", [None, "", "- a list", "{]", "apiVersion: v1\nkind: Config\n"])
def test_a_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(errors.EnvironmentFailure, match=f"KUBECONFIG={path} cannot be used"):
        client.connect({"KUBECONFIG": str(path)}, ticks=Still())


def test_the_namespace_asked_for_goes_before_the_context_s(kubeconfig: Path) -> None:
    environment = {"KUBECONFIG": str(kubeconfig)}
    assert client.connect(environment, ticks=Still()).namespace == "default"
    assert client.connect(environment, namespace="x", ticks=Still()).namespace == "x"


def pod(folder: Path) -> dict[str, str]:
    """The environment and the mounted files of a pod whose API server nobody is."""
    (folder / "token").write_text("first")
    (folder / "ca.crt").write_text("none")
    (folder / "namespace").write_text("mine\n")
    return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}


def test_a_pod_uses_its_service_account_and_reads_a_renewed_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.config import incluster_config

    cluster = client.connect(pod(tmp_path), ticks=Still(), credentials=tmp_path)
    assert cluster.namespace == "mine"
    configuration = cluster._api.configuration
    assert configuration.host == "https://127.0.0.1:1"
    assert configuration.get_api_key_with_prefix("BearerToken") == "bearer first"
    (tmp_path / "token").write_text("second")

    class Later(incluster_config.datetime.datetime):  # type: ignore[misc]
        """Two minutes on."""

        @classmethod
        def now(cls, tz: object = None) -> object:
            return super().now(tz) + incluster_config.datetime.timedelta(minutes=2)

    monkeypatch.setattr(incluster_config.datetime, "datetime", Later)
    assert configuration.get_api_key_with_prefix("BearerToken") == "bearer second"


def test_a_pod_without_a_token_is_told_so(tmp_path: Path) -> None:
    environment = pod(tmp_path)
    (tmp_path / "token").unlink()
    with pytest.raises(errors.EnvironmentFailure, match="automountServiceAccountToken: true"):
        client.connect(environment, ticks=Still(), credentials=tmp_path)


def test_what_was_created_is_read_replaced_and_patched(cluster: client.Cluster) -> None:
    made = cluster.create(CONFIG_MAPS, config_map())
    assert made["metadata"]["namespace"] == NAMESPACE
    made["data"]["b"] = "2"
    cluster.replace(CONFIG_MAPS, made)
    cluster.patch(CONFIG_MAPS, "one", {"data": {"a": None}})
    assert cluster.get(CONFIG_MAPS, "one")["data"] == {"b": "2"}
    assert [each["metadata"]["name"] for each in cluster.get(CONFIG_MAPS)["items"]] == [
        "kube-root-ca.crt",
        "one",
    ]


def test_refusals_have_types_and_carry_the_server_s_words(cluster: client.Cluster) -> None:
    made = cluster.create(CONFIG_MAPS, config_map())
    with pytest.raises(client.NotFound, match='configmaps "two" not found'):
        cluster.get(CONFIG_MAPS, "two")
    with pytest.raises(client.Conflict, match='configmaps "one" already exists'):
        cluster.create(CONFIG_MAPS, config_map())
    cluster.patch(CONFIG_MAPS, "one", {"data": {"a": "3"}})
    with pytest.raises(client.Conflict, match="the object has been modified"):
        cluster.replace(CONFIG_MAPS, made)
    with pytest.raises(client.ClusterFailure, match='unknown field "dta"') as caught:
        cluster.create(CONFIG_MAPS, config_map("two") | {"dta": {}})
    assert caught.value.status == 400
    assert caught.value.exit_code == errors.ExitCode.ENVIRONMENT


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_reading_is_repeated_until_the_server_is_back(
    cluster: client.Cluster, standin: StandIn, status: int
) -> None:
    cluster.create(CONFIG_MAPS, config_map())
    standin.refuse_next("GET", status, times=3)
    assert cluster.get(CONFIG_MAPS, "one")["data"] == {"a": "1"}
    assert isinstance(cluster.clock, Still)
    assert cluster.clock.waits == [0.5, 1.0, 2.0]
    standin.refuse_next("GET", status, times=4)
    with pytest.raises(client.Unreachable):
        cluster.get(CONFIG_MAPS, "one")


def test_a_merge_is_repeated_and_a_creation_is_not(
    cluster: client.Cluster, standin: StandIn
) -> None:
    cluster.create(CONFIG_MAPS, config_map())
    standin.refuse_next("PATCH", 0, done=True)
    assert cluster.patch(CONFIG_MAPS, "one", {"data": {"a": "2"}})["data"] == {"a": "2"}
    standin.refuse_next("POST", 503)
    with pytest.raises(client.Unreachable):
        cluster.create(CONFIG_MAPS, config_map("two"))
    standin.refuse_next("PUT", 503)
    with pytest.raises(client.Unreachable):
        cluster.replace(CONFIG_MAPS, config_map())


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_refusal_is_not_repeated(cluster: client.Cluster, standin: StandIn, status: int) -> None:
    standin.refuse_next("GET", status)
    with pytest.raises(client.ClusterFailure) as caught:
        cluster.get(CONFIG_MAPS)
    assert caught.value.status == status
    assert ("grant what is needed" in str(caught.value)) == (status in (401, 403))


def test_a_server_that_says_nothing_is_left_after_the_timeout(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        path = write_kubeconfig(tmp_path / "kubeconfig", url)
        cluster = client.connect({"KUBECONFIG": str(path)}, ticks=Still())
        with pytest.raises(client.Unreachable, match="timed out"):
            cluster.get(CONFIG_MAPS, timeout_s=0.05, attempts=1)


@pytest.mark.parametrize("said", [b"<html>", b"[]"])
def test_another_server_on_that_port_is_no_api_server(said: bytes) -> None:
    with pytest.raises(client.ClusterFailure, match="did not answer GET /x with"):
        client._object(said, "the API server at h did not answer GET /x")
