"""The programs that keep the manifests: filling in, naming another image, publishing an edited configuration."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy import cluster
from tools import generate_manifests, manifests, publish_config, set_image

every_folder = pytest.mark.parametrize("folder", cluster.FOLDERS)
ROOT = manifests.ROOT
IMAGE = "your-registry:5000/alys-v2-test-runner:1.4"


@pytest.mark.slow
def test_every_file_is_current_and_nothing_else_lies_beside_them() -> None:
    assert generate_manifests.stale() == []


@pytest.mark.slow
def test_a_changed_and_a_forgotten_file_are_found(copy: Path) -> None:
    assert generate_manifests.stale() == []
    (copy / "k8s-small" / "test-jobs.yaml").write_text("", encoding="utf-8")
    (copy / "k8s" / "extra.json").write_text("{}", encoding="utf-8")
    assert {path.name for path in generate_manifests.stale()} == {"test-jobs.yaml", "extra.json"}


@pytest.mark.slow
def test_an_edit_by_hand_survives_with_its_comment(copy: Path) -> None:
    """The document says to adjust the limits in the manifests."""
    file = copy / "k8s" / "test-deployment.yaml"
    text = file.read_text(encoding="utf-8").replace("memory: 2Gi", "memory: 3Gi # more of it")
    file.write_text(text, encoding="utf-8")
    assert copy / "k8s" / "namespace.yaml" in generate_manifests.stale()  # the quota follows
    generate_manifests.write()
    assert file.read_text(encoding="utf-8") == text
    assert generate_manifests.stale() == []


@every_folder
def test_the_configmap_has_the_file_and_the_runner_its_hash(folder: str) -> None:
    text = (manifests.FOLDER / "test-config.toml").read_bytes()
    carried = cluster.named(folder, "ConfigMap", "test-config-file")["data"]
    assert carried == {"test-config.toml": text.decode()}
    runner = cluster.pod(cluster.named(folder, "Deployment", "alys-v2-test-runner"))
    assert (
        runner["metadata"]["annotations"][generate_manifests.TEST_CONFIG]
        == hashlib.sha256(text).hexdigest()
    )


@every_folder
def test_every_deployment_that_reads_a_configmap_has_a_hash_and_no_job_does(folder: str) -> None:
    """A Job cannot be changed: with a hash, an edited file would make `kubectl apply -f` of a finished Job an error."""
    for workload in cluster.workloads(folder):
        pod = cluster.pod(workload)
        marked = generate_manifests.CONFIGURATION in pod["metadata"].get("annotations", {})
        reads = bool(manifests.config_maps_of(pod))
        assert marked == (reads and workload["kind"] == "Deployment")


@pytest.mark.slow
def test_another_value_in_any_configmap_of_a_pod_is_another_hash(copy: Path) -> None:
    def marks() -> dict[str, str]:
        return {
            one["metadata"]["name"]: cluster.pod(one)["metadata"]
            .get("annotations", {})
            .get(generate_manifests.CONFIGURATION, "")
            for text in generate_manifests.files().values()
            for one in manifests.parse(text)
            if one["kind"] == "Deployment"
        }

    before = marks()
    file = copy / "k8s" / "test-config.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("timeout_seconds = 300", "timeout_seconds = 400"), "utf-8")
    after = marks()
    assert {name for name in before if before[name] != after[name]} == {"alys-v2-test-runner"}


@pytest.mark.slow
def test_one_command_names_another_image_everywhere(copy: Path) -> None:
    before = {path: path.read_text(encoding="utf-8") for path in set_image.manifests(copy)}
    # -S: no package that is installed is in reach.
    shutil.copytree(ROOT / "tools", copy / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-S", str(copy / "tools" / "set_image.py"), IMAGE],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = sum(text.count("# tools/set_image.py\n") for text in before.values())
    assert f"{lines} lines in 8 files name {IMAGE} now" in done.stdout
    for path, text in before.items():
        assert path.read_text(encoding="utf-8") == text.replace(
            f" {cluster.OWN_IMAGE} #", f" {IMAGE} #"
        )
        for found in cluster.objects_of(path):
            for container in manifests.containers(found):
                told = {
                    one["value"] for one in container.get("env", []) if one["name"] == "ALYS_IMAGE"
                }
                ours = found["metadata"]["name"] not in cluster.TOOLS
                assert (container["image"] == IMAGE) is ours
                assert told <= {IMAGE}
    assert generate_manifests.stale() == []  # and both folders still agree


def test_the_first_image_can_be_named_again(copy: Path) -> None:
    before = {path: path.read_text(encoding="utf-8") for path in set_image.manifests(copy)}
    assert set_image.main([IMAGE]) == 0
    assert set_image.main(["registry.example/a/b@sha256:" + "0" * 64]) == 0
    assert set_image.main([cluster.OWN_IMAGE]) == 0
    assert {path: path.read_text(encoding="utf-8") for path in before} == before


@pytest.mark.parametrize(
    "words", [[], ["a", "b"], ["--help"], ["Not An Image"], ["a:b:c"], ["a\nb"]]
)
def test_what_is_no_image_is_refused_and_nothing_is_written(
    copy: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_text(encoding="utf-8") for path in set_image.manifests(copy)}
    assert set_image.main(words) == 2
    assert "set_image" in capsys.readouterr().err
    assert {path: path.read_text(encoding="utf-8") for path in before} == before


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl that writes down what it is asked, and fails where a file ``broken`` is beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    said = folder / "said"
    program = folder / "kubectl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {said}\ntest ! -e {folder}/broken\n', encoding="utf-8"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return said


@pytest.mark.slow
@every_folder
def test_one_command_publishes_an_edited_configuration(
    copy: Path, kubectl: Path, folder: str
) -> None:
    file = copy / "k8s" / "test-config.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("timeout_seconds = 300", "timeout_seconds = 600"),
        encoding="utf-8",
    )
    assert publish_config.main([] if folder == "k8s" else [folder]) == 0
    apply, rollout = kubectl.read_text(encoding="utf-8").splitlines()
    names = ("namespace.yaml", "mock-services.yaml", "monitoring.yaml", "test-deployment.yaml")
    assert apply.split() == ["apply", *(w for n in names for w in ("-f", f"{copy}/{folder}/{n}"))]
    assert rollout.startswith("rollout status deployment/alys-v2-test-runner -n alys-v2-testing")
    carried = [
        found
        for found in cluster.objects_of(copy / folder / "namespace.yaml")
        if found["metadata"]["name"] == "test-config-file"
    ]
    assert "timeout_seconds = 600" in carried[0]["data"]["test-config.toml"]
    assert generate_manifests.stale() == []


def test_a_configuration_that_cannot_stand_is_not_published(
    copy: Path, kubectl: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = copy / "k8s" / "test-config.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("timeout_seconds = 300", "timeout_secs = 300"),
        encoding="utf-8",
    )
    assert publish_config.main([]) == 2
    assert "timeout_seconds" in capsys.readouterr().err
    assert not kubectl.exists()


def test_a_cluster_that_refuses_is_said(
    copy: Path, kubectl: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl.with_name("broken").touch()
    assert publish_config.main([]) == 3
    assert "kubectl apply" in capsys.readouterr().err


@pytest.mark.usefixtures("copy")
def test_a_missing_kubectl_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert publish_config.main([]) == 3
    assert "kubectl is not installed" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["k8s", "k8s-small"], ["charts"]])
def test_another_folder_is_refused(
    copy: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish_config.main(words) == 2
    assert "usage" in capsys.readouterr().err


def test_every_line_that_names_our_image_has_the_mark() -> None:
    for path in set_image.manifests(ROOT):
        for line in path.read_text(encoding="utf-8").splitlines():
            if cluster.OWN_IMAGE in line and not line.lstrip().startswith("#"):
                assert set_image.LINE.fullmatch(line), f"{path}: {line}"
