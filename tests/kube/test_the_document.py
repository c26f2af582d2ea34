"""The document's commands, typed in its order with the real kubectl, on the files of k8s/.

They run against the stand-in API server (what it does not model stands in its docstring). The last test types the commands that
no container is needed for on a real API server, where ``ALYS_CLUSTER_KUBECONFIG`` names one: a variable of its own, because the
namespace is made and deleted there.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from alys.cli import front
from tests.kube.standin.server import Play, StandIn

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "k8s"
NAMESPACE = "alys-v2-testing"
IN = ("-n", NAMESPACE)
OLDEST = (1, 27)
"""Of kubectl: older ones judge documents by themselves, by a form of the schema that the stand-in does not serve."""
ORDER = ("namespace", "mock-services", "monitoring", "test-deployment", "test-jobs")


def _kubectl() -> str:
    """The kubectl on PATH; skips without one that is new enough."""
    found = shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not installed (Debian 13 has it; .ci/run fetches it)")
    asked = [found, "version", "--client", "-o", "json"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
    version = json.loads(said)["clientVersion"]
    if (int(version["major"]), int(version["minor"].rstrip("+"))) < OLDEST:
        pytest.skip(f"kubectl is {version['gitVersion']}, 1.27 or newer is needed")
    return found


class Typist:
    """Types kubectl in the folder of the manifests, as the document's reader does."""

    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self.kubeconfig = kubeconfig
        self._kubectl = _kubectl()
        self._environment = {
            "KUBECONFIG": str(kubeconfig),
            "HOME": str(home),
            "PATH": os.defpath,
        }

    def types(self, *words: str, folder: Path = FILES) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._kubectl, *words],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def sees(self, *words: str, folder: Path = FILES) -> str:
        """What a command that must succeed prints."""
        done = self.types(*words, folder=folder)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def is_refused(self, *words: str) -> str:
        """What a command that must fail says."""
        done = self.types(*words)
        assert done.returncode != 0, f"kubectl {' '.join(words)} was taken: {done.stdout}"
        return done.stderr.strip()

    def follows(self, *words: str, until: str) -> None:
        """Type a command that does not end, and stop it when it printed a line."""
        with subprocess.Popen(
            [self._kubectl, *words],
            cwd=FILES,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                assert any(until in line for line in process.stdout)
            finally:
                process.kill()


@pytest.fixture
def typist(kubeconfig: Path, tmp_path: Path) -> Typist:
    return Typist(kubeconfig, tmp_path)


@pytest.fixture
def deployed(typist: Typist, standin: StandIn) -> Typist:
    """Everything applied, and the Job that makes the Secrets has done its work."""
    typist.sees("apply", "-f", "k8s/", folder=ROOT)
    make_secrets(typist)
    standin.play("integration-test-job", Play(logs="3 passed\n"))
    return typist


def make_secrets(typist: Typist) -> None:
    """What the container of the Job generate-secrets does; the stand-in runs no containers."""
    assert front.main(["secrets"], environment={"KUBECONFIG": str(typist.kubeconfig)}) == 0


def defined(name: str, folder: Path = FILES) -> set[str]:
    """The objects of one of the files, as ``Kind/name``."""
    documents = yaml.safe_load_all((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    return {f"{each['kind']}/{each['metadata']['name']}" for each in documents if each}


def there(standin: StandIn) -> set[str]:
    """What is stored, without what controllers made of it."""
    made = ("Pod/", "ReplicaSet/")
    return {name for name in standin.objects() if not name.startswith(made)}


SECRETS = {"Secret/test-secrets", "Secret/grafana-admin"}


def test_quick_start(typist: Typist, standin: StandIn) -> None:
    for name in ORDER[:3]:
        assert " created" in typist.sees("apply", "-f", f"{name}.yaml")
    # Pods wait for their Secrets, and recover by themselves.
    described = typist.sees("describe", "pod", "-l", "app=mock-bitcoin-node", *IN)
    assert re.search(r"Reason: +CreateContainerConfigError", described)
    make_secrets(typist)
    typist.sees("apply", "-f", "test-deployment.yaml")
    for label in ("app=mock-bitcoin-node", "app=mock-governance", "app=alys-v2-test-runner"):
        typist.sees("wait", "--for=condition=ready", "pod", "-l", label, *IN, "--timeout=60s")
    standin.play("integration-test-job", Play(logs="peg-in: 1 passed\n", exit_code=None))
    typist.sees("apply", "-f", "test-jobs.yaml")
    typist.follows("logs", "-f", "job/integration-test-job", *IN, until="peg-in: 1 passed")
    standin.play("integration-test-job", Play(logs="peg-in: 1 passed\n", exit_code=0))
    assert typist.sees("logs", "-f", "job/integration-test-job", *IN) == "peg-in: 1 passed\n"
    typist.sees(
        "create", "job", "--from=cronjob/nightly-regression-tests", "manual-regression-test", *IN
    )
    typist.sees(
        "wait", "--for=condition=complete", "job/manual-regression-test", *IN, "--timeout=60s"
    )
    expected = set.union(*(defined(name) for name in ORDER)) | SECRETS
    assert there(standin) == expected | {"Job/manual-regression-test"}


def test_everything_is_taken_at_once_in_any_order_and_twice(
    typist: Typist, standin: StandIn
) -> None:
    created = typist.sees("apply", "-f", "k8s/", folder=ROOT).splitlines()
    # The Namespace stands in a file that comes first, and again where the document has it.
    assert created.count(f"namespace/{NAMESPACE} created") == 1
    assert [line for line in created if not line.endswith(" created")] == [
        f"namespace/{NAMESPACE} unchanged"
    ]
    assert there(standin) == set.union(*(defined(name) for name in ORDER))
    again = typist.sees("apply", "-f", "k8s/", folder=ROOT).splitlines()
    assert len(again) == len(created)
    assert [line for line in again if not line.endswith(" unchanged")] == []


def test_the_small_ones_are_taken_too(typist: Typist, standin: StandIn) -> None:
    typist.sees("apply", "-f", "k8s-small/", folder=ROOT)
    small = ROOT / "k8s-small"
    assert there(standin) == set.union(*(defined(name, small) for name in ORDER))


def test_logs_and_debugging(deployed: Typist, standin: StandIn) -> None:
    standin.play("alys-v2-test-runner", Play(logs="runner is up\n"))
    standin.play("mock-governance-1", Play(logs="listening on 50051\n"))
    standin.play("prometheus", Play(logs="Server is ready\n"))
    runner = "deployment/alys-v2-test-runner"
    deployed.follows("logs", runner, *IN, "-f", until="runner is up")
    assert deployed.sees("logs", runner, *IN) == "runner is up\n"
    assert "50051" in deployed.sees("logs", "deployment/mock-governance-1", *IN)
    assert deployed.sees("logs", "job/integration-test-job", *IN) == "3 passed\n"
    assert "ready" in deployed.sees("logs", "deployment/prometheus", *IN)
    described = deployed.sees("describe", "pod", "-l", "app=alys-v2-test-runner", *IN)
    assert re.search(r"^ +Ready: +True", described, re.M)
    assert "mock-governance-1" in deployed.sees("get", "svc", *IN)
    described = deployed.sees("describe", "svc", "alys-v2-test-runner-service", *IN)
    assert "prometheus.io/scrape: true" in described.replace("'", "")
    assert "alys-v2-test-runner" in deployed.sees("get", "pods", *IN)


def test_a_job_ends_in_complete_or_failed_and_says_which(typist: Typist, standin: StandIn) -> None:
    standin.play("integration-test-job", Play(logs="1 failed\n", exit_code=1))
    typist.sees("apply", "-f", "k8s/", folder=ROOT)
    make_secrets(typist)
    typist.sees("wait", "--for=condition=failed", "job/integration-test-job", *IN, "--timeout=60s")
    assert typist.sees("logs", "job/integration-test-job", *IN) == "1 failed\n"
    wait = ("wait", "--for=condition=complete", "job/integration-test-job", *IN, "--timeout=1s")
    assert "timed out" in typist.is_refused(*wait)
    typist.sees(
        "wait", "--for=condition=complete", "job/supervision-test-job", *IN, "--timeout=60s"
    )


def test_a_setting_reaches_new_pods(deployed: Typist, standin: StandIn) -> None:
    runner = "deployment/alys-v2-test-runner"
    before = [name for name in standin.objects("Pod") if "alys-v2-test-runner" in name]
    deployed.sees("set", "env", runner, "RUST_LOG=trace", *IN)
    assert "RUST_LOG=trace" in deployed.sees("set", "env", runner, "--list", *IN)
    deployed.sees("rollout", "status", runner, *IN, "--timeout=60s")
    after = [name for name in standin.objects("Pod") if "alys-v2-test-runner" in name]
    assert len(before) == len(after) == 1
    assert before != after


def test_commands_that_cannot_work_as_written_say_why(deployed: Typist) -> None:
    # Jenkins: only a CronJob can be copied.
    copy = ("create", "job", "--from=job/integration-test-job", "integration-1", *IN)
    assert deployed.is_refused(*copy) == "error: unknown object type *v1.Job"
    # Needs the metrics-server, which is no part of a cluster by itself.
    for what in (("pods", *IN), ("nodes",)):
        assert deployed.is_refused("top", *what) == "error: Metrics API not available"
    # A CronJob's copy has a name: the second time it is taken.
    manual = (
        "create",
        "job",
        "--from=cronjob/nightly-regression-tests",
        "manual-regression-test",
        *IN,
    )
    deployed.sees(*manual)
    assert 'jobs.batch "manual-regression-test" already exists' in deployed.is_refused(*manual)
    # The document's debug pod goes to the default namespace, outside the policies that it should try.
    debug = ("run", "debug", "--rm", "-i", "--tty", "--image=busybox", "--", "nslookup", "mock")
    done = deployed.types(*debug)
    assert "Unable to use a TTY" in done.stderr
    assert 'pod "debug" deleted' in done.stdout + done.stderr


def test_a_job_that_was_changed_must_be_deleted_first(deployed: Typist, tmp_path: Path) -> None:
    text = (FILES / "test-jobs.yaml").read_text(encoding="utf-8")
    changed = tmp_path / "test-jobs.yaml"
    changed.write_text(text.replace("alys-v2-test-runner:latest", "alys-v2-test-runner:other"))
    refusal = deployed.is_refused("apply", "-f", str(changed))
    assert refusal.count("field is immutable") == 3
    assert deployed.sees("get", "cronjob", "nightly-regression-tests", *IN, "-o", "yaml").count(
        ":other"
    )
    deployed.sees("delete", "-f", "test-jobs.yaml")
    deployed.sees("apply", "-f", str(changed))


def test_clean_up_in_the_order_of_the_document(deployed: Typist, standin: StandIn) -> None:
    left = set.union(*(defined(name) for name in ORDER)) | SECRETS
    for name in ("test-jobs", "test-deployment", "mock-services", "monitoring"):
        deployed.sees("delete", "-f", f"{name}.yaml")
        left -= defined(name)
        assert there(standin) == left, f"after {name}.yaml"
    # Its Namespace stands first and takes the rest along, so kubectl finds some of it gone: it says so, and fails.
    done = deployed.types("delete", "-f", "namespace.yaml")
    complaints = done.stderr.splitlines()
    assert [line for line in complaints if "(NotFound)" not in line] == []
    deployed.sees("delete", "-f", "namespace.yaml", "--ignore-not-found=true")
    assert standin.objects() == []


def test_clean_up_at_once(deployed: Typist, standin: StandIn) -> None:
    deployed.sees("delete", "namespace", NAMESPACE)  # returns when it is gone
    assert standin.objects() == []
    deployed.sees("delete", "namespace", NAMESPACE, "--ignore-not-found=true")
    assert "not found" in deployed.is_refused("apply", "-f", "mock-services.yaml")


@pytest.fixture
def real() -> Path:
    named = os.environ.get("ALYS_CLUSTER_KUBECONFIG", "")
    if not named:
        pytest.skip("no real API server: ALYS_CLUSTER_KUBECONFIG names no kubeconfig file")
    return Path(named)


def test_a_real_api_server_takes_and_gives_back_everything(real: Path, tmp_path: Path) -> None:
    typist = Typist(real, tmp_path)
    if typist.types("get", "namespace", NAMESPACE).returncode == 0:
        pytest.skip(f"ALYS_CLUSTER_KUBECONFIG: its cluster has a namespace {NAMESPACE} already")
    try:
        created = typist.sees("apply", "-f", "k8s/", folder=ROOT).splitlines()
        assert [line for line in created if not line.endswith((" created", " unchanged"))] == []
        typist.sees("apply", "-f", "k8s/", folder=ROOT)
        make_secrets(typist)
        make_secrets(typist)
        for name in ("test-jobs", "test-deployment", "mock-services", "monitoring"):
            typist.sees("delete", "-f", f"{name}.yaml")
            for each in sorted(defined(name)):
                assert "not found" in typist.is_refused("get", each, *IN)
            typist.sees("get", "namespace", NAMESPACE)
    finally:
        typist.types("delete", "namespace", NAMESPACE, "--ignore-not-found=true")
