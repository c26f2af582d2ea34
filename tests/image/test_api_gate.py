"""The gate tells pods apart by their tokens, and grants what the Roles of k8s/ grant: every verb, and nothing beside them."""

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from alys.base import prng
from alys.base.jobs import JobRun
from alys.kube import client, jobs, lease, secrets
from tests.image.api_gate import Gate
from tests.kube.clocks import Still
from tests.kube.standin.server import StandIn

Document = dict[str, Any]
Work = Callable[[client.Cluster], object]

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "alys-v2-testing"
TEXT = (ROOT / "k8s" / "namespace.yaml").read_text(encoding="utf-8")
DOCUMENTS: list[Document] = [one for one in yaml.safe_load_all(TEXT) if one]


def take_turn(cluster: client.Cluster) -> None:
    turns = lease.ClusterLease(cluster)
    turns.acquire("somebody", print)
    turns.renew()
    turns.release()


def clean_up(cluster: client.Cluster) -> None:
    run_id = "20990101T000000Z-integration-abcdef"  # after the Job was made
    run = JobRun(job="one", run_id=run_id, suite="integration", verdict="pass")
    assert jobs.mark_passed(cluster, [run]) == ["one"]


def run_service(cluster: client.Cluster) -> None:
    take_turn(cluster)
    clean_up(cluster)


def make_secrets(cluster: client.Cluster) -> None:
    secrets.fill(cluster, prng.SeededRandom(1).randbytes, print)


WORK: dict[str, Work] = {
    "alys-test-runner": run_service,
    "alys-test-job": take_turn,
    "generate-secrets": make_secrets,
}
"""What the pods of each account do at the API server."""

VERBS = [
    (one["metadata"]["name"], index, verb)
    for one in DOCUMENTS
    if one["kind"] == "Role" and one["metadata"]["name"] in WORK
    for index, rule in enumerate(one["rules"])
    for verb in rule["verbs"]
]


@contextlib.contextmanager
def gate_over(documents: list[Document], folder: Path) -> Iterator[Gate]:
    """A gate over a namespace with one Job that is Complete."""
    with StandIn().running() as standin:
        environment = {"KUBECONFIG": str(standin.kubeconfig(folder / "kubeconfig"))}
        admin = client.connect(environment, namespace=NAMESPACE, ticks=Still())
        admin.create("/api/v1/namespaces", named("Namespace", NAMESPACE))
        pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "one"}}
        admin.create(client.JOBS, job | {"spec": {"template": {"spec": pod}}})
        gate = Gate(standin.url, documents, NAMESPACE, folder / "accounts")
        with gate.opened("127.0.0.1"):
            yield gate


def named(kind: str, name: str) -> Document:
    return next(one for one in DOCUMENTS if one["kind"] == kind and one["metadata"]["name"] == name)


def as_pod(gate: Gate, account: str, namespace: str = "") -> client.Cluster:
    """Our client, as it connects in a pod of this account."""
    environment = {"KUBERNETES_SERVICE_HOST": gate.host, "KUBERNETES_SERVICE_PORT": gate.port}
    folder = gate.credentials(account)
    return client.connect(environment, namespace=namespace, ticks=Still(), credentials=folder)


def refusal(work: Work, cluster: client.Cluster) -> int:
    with pytest.raises(client.ClusterFailure) as caught:
        work(cluster)
    return caught.value.status


@pytest.mark.parametrize("account", WORK)
def test_an_account_may_do_its_work(tmp_path: Path, account: str) -> None:
    with gate_over(DOCUMENTS, tmp_path) as gate:
        WORK[account](as_pod(gate, account))
        assert gate.refused == []


@pytest.mark.parametrize(("account", "rule", "verb"), VERBS)
def test_without_one_verb_the_work_is_refused(
    tmp_path: Path, account: str, rule: int, verb: str
) -> None:
    documents = copy.deepcopy(DOCUMENTS)
    (role,) = [
        one for one in documents if one["kind"] == "Role" and one["metadata"]["name"] == account
    ]
    role["rules"][rule]["verbs"].remove(verb)
    with gate_over(documents, tmp_path) as gate:
        # A holder whose renewal is refused goes on for a while, so what the gate wrote down is what counts.
        with contextlib.suppress(client.ClusterFailure):
            WORK[account](as_pod(gate, account))
        assert {tuple(said.split()[:2]) for said in gate.refused} == {(f"{account}:", verb)}


def test_a_name_that_the_role_does_not_list_is_refused(tmp_path: Path) -> None:
    with gate_over(DOCUMENTS, tmp_path) as gate:
        cluster = as_pod(gate, "generate-secrets")
        assert refusal(lambda there: there.get(client.SECRETS, "another"), cluster) == 403
        assert refusal(lambda there: there.get(client.SECRETS), cluster) == 403


def test_a_role_ends_with_its_namespace(tmp_path: Path) -> None:
    with gate_over(DOCUMENTS, tmp_path) as gate:
        assert refusal(take_turn, as_pod(gate, "alys-test-job", "default")) == 403


def test_accounts_have_their_own_rights_or_none(tmp_path: Path) -> None:
    with gate_over(DOCUMENTS, tmp_path) as gate:
        assert refusal(make_secrets, as_pod(gate, "alys-test-job")) == 403
        assert refusal(take_turn, as_pod(gate, "of-no-role")) == 403
        assert gate.credentials("a") == gate.credentials("a") != gate.credentials("b")


def test_a_token_that_was_not_given_out_is_nobodys(tmp_path: Path) -> None:
    with gate_over(DOCUMENTS, tmp_path) as gate:
        (gate.credentials("alys-test-job") / "token").write_text("alys-test-job")
        environment = {"KUBERNETES_SERVICE_HOST": gate.host, "KUBERNETES_SERVICE_PORT": gate.port}
        folder = tmp_path / "accounts" / "alys-test-job"
        cluster = client.connect(environment, ticks=Still(), credentials=folder)
        assert refusal(take_turn, cluster) == 401


def test_a_server_of_another_authority_is_not_believed(tmp_path: Path) -> None:
    with gate_over(DOCUMENTS, tmp_path) as gate:
        other = Gate("", DOCUMENTS, NAMESPACE, tmp_path / "other")
        forged = other.credentials("alys-test-job") / "ca.crt"
        (gate.credentials("alys-test-job") / "ca.crt").write_bytes(forged.read_bytes())
        environment = {"KUBERNETES_SERVICE_HOST": gate.host, "KUBERNETES_SERVICE_PORT": gate.port}
        folder = tmp_path / "accounts" / "alys-test-job"
        cluster = client.connect(environment, ticks=Still(), credentials=folder)
        with pytest.raises(client.Unreachable, match="certificate"):
            take_turn(cluster)
