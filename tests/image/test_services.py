"""The services and the Job of k8s/, each in a container of its own, find each other by name and come to a pass."""

from pathlib import Path

import msgspec
import pytest

from examples.ci import jobs
from tests.image.cluster import cluster
from tests.image.containers import needs_podman
from tests.image.pods import Manifests

pytestmark = [needs_podman, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "alys-v2-test-runner:latest"
MOCKS = {
    *(f"mock-governance-{number}" for number in (1, 2, 3)),
    "mock-bitcoin-node",
    "mock-ethereum-node",
}

SECRETS = {
    "test-secrets": {
        "test_bitcoin_private_key": "11" * 32,
        "test_ethereum_private_key": "22" * 32,
        "bitcoin_rpc_user": "alys",
        "bitcoin_rpc_password": "a-password-of-this-test",
        "engine_jwt_secret": "33" * 32,
        "governance_token": "a-governance-token-of-this-test",
        "admin_token": "an-admin-token-of-this-test",
        "upload_token": "an-upload-token-of-this-test",
    }
}
"""What the Job generate-secrets would have made."""


def test_the_integration_job_passes_against_the_services(tmp_path: Path, image: str) -> None:
    manifests = Manifests.read(sorted((ROOT / "k8s").glob("*.yaml")), SECRETS)
    services = [pod for pod in manifests.pods(IMAGE) if pod.args[0] == "mock"]
    assert {pod.name for pod in services} == MOCKS
    with cluster(tmp_path, image) as pods:
        for service in services:
            pods.start(service)
        for service in services:
            pods.wait_ready(service, 90)
        job = manifests.pod("Job", "integration-test-job")
        # At the pace of the local world, since the real one takes minutes.
        job = msgspec.structs.replace(job, args=[*job.args, "--time-scale", "10"])
        code = pods.run(job, 300, RESULTS_URL="")  # no runner is here to bring them to
        log = pods.logs(job)
        assert code == 0, log[-5000:]
        assert jobs.last_verdict(log)["counts"]["passed"] == 3
        for service in services:
            assert pods.stop(service) == 0, pods.logs(service)[-2000:]
