"""The image holds what a pod needs and no more, and the integration suite is green in it."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.image import containers
from tests.image.conftest import COMMIT
from tests.image.containers import needs_podman

pytestmark = [needs_podman, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """The one object that ``-o json`` prints."""
    assert done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout)


def python(image: str, code: str, *flags: str) -> Any:
    """What an expression is inside the image, for an unprivileged user on a read-only root."""
    flags = ("--entrypoint=python3", *containers.UNPRIVILEGED, *flags)
    return told(containers.run(image, "-c", f"import json\nprint(json.dumps({code}))", flags=flags))


def test_the_integration_suite_is_green_without_privileges_or_network(image: str) -> None:
    flags = [*containers.UNPRIVILEGED, *containers.scratch("/tmp", "/test-results")]
    words = ("test", "integration", "--world", "local", "-o", "json")
    done = containers.run(image, *words, flags=flags, seconds_max=180)
    run = told(done)
    assert (done.returncode, run["verdict"]) == (0, "pass"), run["causes"]
    assert (run["counts"]["passed"], run["counts"]["failed"]) == (3, 0)
    versions, lock = run["versions"], ROOT / "requirements" / "run.lock"
    assert (versions["commit"], versions["image"]) == (COMMIT, image)
    assert versions["lock_hash"] == hashlib.sha256(lock.read_bytes()).hexdigest()


def test_any_other_user_may_run_it_too(image: str) -> None:
    flags = [*containers.UNPRIVILEGED, *containers.scratch("/tmp", "/test-results")]
    words = ("test", "integration", "--world", "sim", "--seed", "7", "-o", "json")
    done = containers.run(image, *words, flags=["--user=54321:54321", *flags], seconds_max=180)
    assert (done.returncode, told(done)["verdict"]) == (0, "pass"), done.stderr[-3000:]


def test_without_a_folder_for_results_it_says_so_and_ends_with_exit_3(image: str) -> None:
    words = ("test", "integration", "--world", "sim", "-o", "json")
    flags = [*containers.UNPRIVILEGED, *containers.scratch("/tmp")]
    done = containers.run(image, *words, flags=flags)
    assert done.returncode == 3
    assert "cannot make the results folder" in told(done)["cause"]


def test_it_runs_as_alysuser_and_says_what_it_is(image: str) -> None:
    (about,) = told(containers.podman("image", "inspect", image))
    config = about["Config"]
    assert config["User"] == "10001:10001"
    assert (config["Entrypoint"], config["Cmd"]) == (["alys"], ["serve"])
    assert config["Labels"]["org.opencontainers.image.revision"] == COMMIT
    assert f"ALYS_IMAGE={image}" in config["Env"]
    assert about["HealthCheck" if "HealthCheck" in about else "Healthcheck"]["Test"][0] == "CMD"
    user = python(image, "[*__import__('pwd').getpwuid(__import__('os').getuid())]")
    assert (user[0], user[2], user[3]) == ("alysuser", 10001, 10001)


def test_nothing_in_it_can_install_or_build(image: str) -> None:
    names = ("pip", "pip3", "hatchling", "uv", "gcc", "cc", "make", "git", "curl", "wget")
    assert python(image, f"[n for n in {names} if __import__('shutil').which(n)]") == []
    modules = ("pip", "setuptools", "hatchling", "editables", "ensurepip", "uv")
    found = f"[m for m in {modules} if __import__('importlib.util').util.find_spec(m)]"
    assert python(image, found) == []


def test_no_file_of_it_gives_its_owners_rights_to_others_or_can_be_changed(image: str) -> None:
    code = (
        "[[p, oct(s.st_mode)] for top in ('/app', '/opt/alys') for d, _, fs in __import__('os').walk(top)"
        " for p in [d, *(d + '/' + f for f in fs)] for s in [__import__('os').lstat(p)]"
        " if s.st_uid or s.st_mode & 0o170000 != 0o120000 and s.st_mode & 0o6022]"
    )
    assert python(image, code) == []


def test_the_folders_that_are_written_are_there_for_every_user(image: str) -> None:
    folders = ("/tmp", "/test-data", "/test-results", "/test-reports", "/logs")
    code = f"[oct(__import__('os').stat(f).st_mode & 0o7777) for f in {folders}]"
    assert python(image, code) == ["0o1777"] * 5


def test_it_holds_the_configuration_of_the_document_and_its_lock(image: str) -> None:
    done = containers.run(
        image, "config", "check", "/app/test-config.toml", flags=containers.UNPRIVILEGED
    )
    assert done.returncode == 0, done.stderr
    assert python(image, "open('/app/run.lock').read(1)") == "#"


def test_of_the_checkout_only_the_package_is_in_it(image: str) -> None:
    code = "sorted(__import__('os').listdir('/app'))"
    assert python(image, code) == ["healthcheck.py", "run.lock", "test-config.toml"]
    assert python(image, "__import__('os').path.exists('/build')") is False
