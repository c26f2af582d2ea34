"""The pods of k8s/ that speak to the API server, as containers: Secrets are made, turns are taken, results outlive their Job.

Behind the API stands the stand-in of tests/kube/standin, in front of it a gate that grants what the Roles of k8s/ grant. What the
kubelet and the controllers would do is done here: containers, probes, and the end of a Job.
"""

import base64
import json
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
EVICTED = "supervision-test-job"
"""Fails though its run passed, as one does whose pod is lost after its results were brought to the runner."""
RUNNER = "alys serve"
"""How the runner calls itself in the Lease."""
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

    def outcome(self, name: str) -> str:
        """The condition that it ended in."""
        (condition,) = self.job(name)["status"]["conditions"]
        return str(condition["type"])

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
    job = manifests.pod("Job", JOB)
    assert ({pod.account for pod in mocks}, len(mocks)) == ({""}, 5)
    assert (runner.account, job.account) == ("alys-test-runner", "alys-test-job")
    for pod in ours:
        pods.start(pod, **(QUICKLY if pod is runner else {}))
    for pod in mocks:
        pods.wait_ready(pod, 90)
    pods.wait_ready(runner, 90)
    assert api.holder() == RUNNER
    before = environment(pods, runner)

    api.begin(EVICTED)
    told = take_turns(pods, api, runner, job)
    stored(pods, runner, told)

    wait_ready_again(pods, runner)
    assert api.holder() == RUNNER
    after = environment(pods, runner)
    assert after["generation"] == before["generation"] + 1
    assert after["failures"] == before["failures"], (
        "one may stand there from before the services were up"
    )

    finish(pods, api, runner, told)
    for pod in ours:
        assert pods.ask(pod, pod.probes["liveness"]), trouble(pods, pod)
    assert pods.stop(runner) == 0, pods.logs(runner)[-3000:]
    assert api.holder() == "", "the turn is given back"
    # Only now has housekeeping surely gone past both Jobs.
    assert "ttlSecondsAfterFinished" not in api.job(EVICTED)["spec"], "a Job that failed stays"


def environment(pods: Cluster, runner: Pod) -> dict[str, Any]:
    """What the runner tells of the environment that it keeps alive."""
    found: dict[str, Any] = json.loads(pods.get(runner, 8080, "/api/state")[1])["environment"]
    return found


def take_turns(pods: Cluster, api: Api, runner: Pod, job: Pod) -> dict[str, Any]:
    """The Job waits for the runner, has the chains while the runner is parked, and ends; its verdict."""
    api.begin(JOB)
    pods.start(job, **QUICKLY)

    def driving() -> bool:
        assert pods.exit_code(job) is None, f"the Job ended early: {pods.logs(job)[-5000:]}"
        return api.holder() not in ("", RUNNER)

    wait_until(
        driving,
        lambda: f"the Job to get the Lease; {trouble(pods, job)}; {trouble(pods, runner)}",
        60,
    )
    status, text = pods.get(runner, 8080, "/ready")
    assert (status, text.partition(":")[0]) == (200, "parked"), text
    assert pods.ask(runner, runner.probes["readiness"])
    wait_until(
        lambda: pods.exit_code(job) is not None,
        lambda: f"the Job to end; {trouble(pods, job)}",
        120,
    )
    log = pods.logs(job)
    assert pods.exit_code(job) == 0, log[-5000:]
    assert f"waits for its turn: {RUNNER} drives the chains" in log
    told: dict[str, Any] = jobs.last_verdict(log)
    assert (told["verdict"], told["counts"]["passed"], told["job"]) == ("pass", 3, JOB)
    return told


def stored(pods: Cluster, runner: Pod, told: dict[str, Any]) -> None:
    """The runner has the results that the Job brought, on its claim and to be seen."""
    _, text = pods.get(runner, 8080, "/api/runs")
    (run,) = json.loads(text)["runs"]
    assert (run["run_id"], run["verdict"], run["job"]) == (told["run_id"], "pass", JOB)
    status, page = pods.get(runner, 8080, f"/runs/{told['run_id']}/report.html")
    assert (status, told["run_id"] in page) == (200, True)
    assert (pods.claim(runner, "/test-reports") / told["run_id"] / "events.jsonl").is_file()


def wait_ready_again(pods: Cluster, runner: Pod) -> None:
    wait_until(
        lambda: pods.get(runner, 8080, "/ready")[1].strip() == "ready",
        lambda: f"the runner to be back; {trouble(pods, runner)}",
        60,
    )


def finish(pods: Cluster, api: Api, runner: Pod, told: dict[str, Any]) -> None:
    """Both Jobs end, one well; the runner has a run that passed of each, so that only how they end tells them apart."""
    results = pods.claim(runner, "/test-reports")
    report = json.loads((results / told["run_id"] / "report.json").read_text(encoding="utf-8"))
    report |= {"run_id": f"{told['run_id'].partition('-')[0]}-supervision-abcdef", "job": EVICTED}
    folder = results / report["run_id"]
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    listed = json.loads(pods.get(runner, 8080, "/api/runs")[1])["runs"]
    assert {(run["job"], run["verdict"]) for run in listed} == {(JOB, "pass"), (EVICTED, "pass")}

    for name in (JOB, EVICTED):
        assert "ttlSecondsAfterFinished" not in api.job(name)["spec"], "it still runs"
    api.end(EVICTED, 1)
    api.end(JOB, 0)
    assert (api.outcome(EVICTED), api.outcome(JOB)) == ("Failed", "Complete")
    wait_until(
        lambda: api.job(JOB)["spec"].get("ttlSecondsAfterFinished") == 3600,
        lambda: f"a time to live for the Job that passed; {trouble(pods, runner)}",
        60,
    )
