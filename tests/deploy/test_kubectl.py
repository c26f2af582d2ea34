"""kubectl itself applies the changes that the pages tell people to type, to our files, without a cluster."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import cluster
from tools import manifests

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
PAGE = manifests.ROOT / "docs/how-to/kubernetes.md"


def changed(folder: str, tmp_path: Path, *words: str) -> cluster.Object:
    """The runner's Deployment after ``kubectl WORDS``."""
    file = tmp_path / "deployment.yaml"
    runner = cluster.named(folder, "Deployment", "alys-v2-test-runner")
    file.write_text(yaml.safe_dump(runner), encoding="utf-8")
    done = subprocess.run(
        ["kubectl", *words[:1], *words[1:2], "--local", "-f", str(file), *words[2:], "-o", "yaml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: cluster.Object = yaml.safe_load(done.stdout)
    return found


@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_the_level_that_the_document_sets_reaches_the_container(
    folder: str, tmp_path: Path
) -> None:
    runner = changed(folder, tmp_path, "set", "env", "RUST_LOG=trace")
    assert cluster.environment(folder, runner)["RUST_LOG"] == "trace"
    assert sum(one["name"] == "RUST_LOG" for one in cluster.container(runner)["env"]) == 1


def test_the_patch_of_the_page_takes_the_claim_from_the_runner(tmp_path: Path) -> None:
    (patch,) = re.findall(r"--type=strategic -p \\\n\s+'(.+)'", PAGE.read_text(encoding="utf-8"))
    runner = changed("k8s", tmp_path, "patch", "--type=strategic", "-p", patch)
    volumes: dict[str, Any] = {one["name"]: one for one in cluster.pod(runner)["spec"]["volumes"]}
    assert volumes["test-reports"] == {"name": "test-reports", "emptyDir": {}}
    before = cluster.pod(cluster.named("k8s", "Deployment", "alys-v2-test-runner"))["spec"][
        "volumes"
    ]
    assert len(volumes) == len(before)
