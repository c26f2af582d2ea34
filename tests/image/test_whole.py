"""The pods of k8s/ that speak to the API server, as containers: Secrets are made, turns are taken, results outlive their Job.

Behind the API stands the stand-in of tests/kube/standin, in front of it a gate that grants what the Roles of k8s/ grant. What the
kubelet and the controllers would do is done here: containers, probes, and the end of a Job.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from alys.kube import client
from examples.ci import jobs
from tests.image.api_gate import Gate
from tests.image.cluster import Cluster, cluster, wait_until
from tests.image.containers import needs_podman
from tests.image.pods import Manifests, Pod
from tests.kube.clocks import Still
from tests.kube.standin.server import Play, StandIn

pytestmark = [needs_podman, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "k8s").glob("*.yaml"))
IMAGE = "alys-v2-test-runner:latest"
NAMESPACE = "alys-v2-testing"
JOB = "integration-test-job"
QUICKLY = {"ALYS_TIME_SCALE": "10"}


def documents() -> list[dict[str, Any]]:
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    return [one for text in texts for one in yaml.safe_load_all(text) if one]


def first(kind: str, name: str) -> dict[str, Any]:
    return next(
        one for one in documents() if one["kind"] == kind and one["metadata"]["name"] == name
    )


class Api:
    """What the test itself sees and does on the stand-in, past the gate."""

    def __init__(self, standin: StandIn, folder: Path) -> None:
        self._standin = standin
        environment = {"KUBECONFIG": str(standin.kubeconfig(folder / "kubeconfig"))}
        self._cluster = client.connect(environment, namespace=NAMESPACE, ticks=Still())
        self._cluster.create("/api/v1/namespaces", first("Namespace", NAMESPACE))
        for one in documents():  # what pods name; one whose names lead nowhere would not start
            if one["kind"] in ("ServiceAccount", "ConfigMap"):
                plural = one["kind"].lower() + "s"
                self._cluster.create(f"/api/v1/namespaces/{{}}/{plural}", one)

    def secrets(self) -> dict[str, dict[str, str]]:
        """The values that are stored, as a pod gets them."""
        return {
            name: {
                key: base64.b64decode(value).decode()
                for key, value in self._cluster.get(client.SECRETS, name)["data"].items()
            }
            for name in ("test-secrets", "grafana-admin")
        }

    def begin(self, name: str) -> None:
        """The Job is there and runs."""
        self._standin.play(name, Play(exit_code=None))
        self._cluster.create(client.JOBS, first("Job", name))

    def end(self, name: str, code: int) -> None:
        """Its pod has ended."""
        self._standin.play(name, Play(exit_code=code))

    def job(self, name: str) -> dict[str, Any]:
        return self._cluster.get(client.JOBS, name)

    def holder(self) -> str:
        return str(self._cluster.get(client.LEASES, "alys-chains")["spec"]["holderIdentity"])


def test_secrets_turns_results_and_the_end_of_a_job(tmp_path: Path, image: str) -> None:
    with StandIn().running() as standin, cluster(tmp_path, image) as pods:
        api = Api(standin, tmp_path)
        network = Manifests.read(FILES, {}).pod("Job", "generate-secrets")
        # The first container brings the network up, and with it the address that the gate listens on.
        anchor = msgspec.structs.replace(
            network, name="anchor", command=["sleep", "600"], args=[], account=""
        )
        pods.start(anchor)
        gate = Gate(standin.url, documents(), NAMESPACE, tmp_path / "accounts")
        with gate.opened(pods.gateway()):
            pods.api = gate
            secrets = make_secrets(pods, api, network)
            live(pods, api, Manifests.read(FILES, secrets))
        assert gate.refused == []


def trouble(pods: Cluster, pod: Pod) -> str:
    """The lines of its log that are about something wrong."""
    lines = pods.logs(pod).splitlines()
    return "\n".join(line for line in lines if '"level":"debug"' not in line)[-3000:]


def make_secrets(pods: Cluster, api: Api, job: Pod) -> dict[str, dict[str, str]]:
    assert pods.run(job, 60) == 0, pods.logs(job)
    made = api.secrets()
    again = msgspec.structs.replace(job, name="generate-secrets-again")
    assert pods.run(again, 60) == 0, pods.logs(again)
    assert api.secrets() == made, "what is there stays"
    values = [value for secret in made.values() for value in secret.values()]
    assert not [value for value in values if len(value) > 8 and value in pods.logs(job)]
    return made


def live(pods: Cluster, api: Api, manifests: Manifests) -> None:
    ours = manifests.pods(IMAGE)
    mocks = [pod for pod in ours if pod.args[0] == "mock"]
    (runner,) = [pod for pod in ours if pod.args[0] == "serve"]
    for pod in ours:
        pods.start(pod, **(QUICKLY if pod is runner else {}))
    for pod in mocks:
        pods.wait_ready(pod, 90)
    pods.wait_ready(runner, 90)
    assert api.holder() == "alys serve"

    job = manifests.pod("Job", JOB)
    api.begin(JOB)
    pods.start(job, **QUICKLY)

    def ready(word: str) -> Callable[[], bool]:
        return lambda: pods.get(runner, 8080, "/ready")[1].startswith(word)

    parked = f"the runner to be parked; {trouble(pods, runner)}"
    wait_until(ready("parked: "), parked, 60)
    assert pods.get(runner, 8080, "/ready")[0] == 200
    wait_until(lambda: pods.exit_code(job) is not None, "the Job to end", 120)
    log = pods.logs(job)
    assert pods.exit_code(job) == 0, log[-5000:]
    told = jobs.last_verdict(log)
    assert (told["verdict"], told["counts"]["passed"], told["job"]) == ("pass", 3, JOB)

    _, text = pods.get(runner, 8080, "/api/runs")
    (stored,) = json.loads(text)["runs"]
    assert (stored["run_id"], stored["verdict"], stored["job"]) == (told["run_id"], "pass", JOB)
    assert pods.get(runner, 8080, stored["report"])[0] == 200
    assert (pods.claim(runner, "/test-reports") / told["run_id"] / "events.jsonl").is_file()

    wait_until(ready("ready"), f"the runner to be back; {trouble(pods, runner)}", 60)
    assert api.holder() == "alys serve"
    assert "ttlSecondsAfterFinished" not in api.job(JOB)["spec"], "it is not Complete yet"
    api.end(JOB, 0)
    wait_until(
        lambda: api.job(JOB)["spec"].get("ttlSecondsAfterFinished") == 3600,
        f"a time to live for the Job that passed; {trouble(pods, runner)}",
        60,
    )
    assert pods.stop(runner) == 0, pods.logs(runner)[-3000:]
