"""checkov finds nothing in the manifests but what is listed with its reason."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("checkov") is None,
        reason="checkov is not on the PATH; requirements/scan.lock has it, for an environment of its own",
    ),
]
EXCEPTIONS: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "checkov_exceptions.toml").read_text(encoding="utf-8")
)


def findings(folder: Path, tmp_path: Path, passed_min: int = 500) -> set[tuple[str, str]]:
    """Check and name of the object, of everything that failed."""
    program = shutil.which("checkov")
    assert program is not None
    command = [program, "--directory", str(folder), "--framework", "kubernetes"]
    done = subprocess.run(
        [*command, "--skip-download", "--compact", "--quiet", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
        },  # it keeps settings and a cache at home
    )
    told: Any = json.loads(done.stdout)
    assert told["summary"]["parsing_errors"] == 0
    assert told["summary"]["passed"] > passed_min  # it did read them
    return {
        (one["check_id"], one["resource"].partition(" ")[0].split(".")[-1])
        for one in told["results"]["failed_checks"]
    }


def excused(check: str, name: str, ours: set[str]) -> bool:
    if check not in EXCEPTIONS:
        return False
    on = EXCEPTIONS[check]["on"]
    return on == "*" or name in on or ("ours" in on and name in ours)


@pytest.mark.parametrize("folder", cluster.FOLDERS)
def test_every_finding_is_listed_with_its_reason_and_every_line_of_the_list_is_needed(
    folder: str, tmp_path: Path
) -> None:
    ours = {one["metadata"]["name"] for one in cluster.workloads(folder)} - cluster.TOOLS
    found = findings(cluster.FOLDERS[folder], tmp_path)
    assert [one for one in sorted(found) if not excused(*one, ours)] == []
    assert {check for check, _ in found} == set(EXCEPTIONS)
    assert all(one["reason"] and one["about"] for one in EXCEPTIONS.values())


def test_a_privileged_pod_would_be_found(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(cluster.FOLDERS["k8s"], folder)
    file = folder / "test-deployment.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
        encoding="utf-8",
    )
    assert ("CKV_K8S_22", "alys-v2-test-runner") in findings(folder, tmp_path)
