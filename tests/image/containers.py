"""podman for tests: as root, with a configuration that works where there is no systemd, under names of our own."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).with_name("containers.conf")

PREFIX = "alys-test-"
"""Of every container, network and volume made here, so that none of anybody else's is ever touched."""

MISSING = (
    "podman is not installed (Debian: apt install podman runc netavark aardvark-dns catatonit iptables)"
    if shutil.which("podman") is None
    else "mmdebstrap, which makes the base image for podman, is not installed"
    if shutil.which("mmdebstrap") is None
    else "podman is used as root only"
    if os.geteuid() != 0
    else ""
)
needs_podman = pytest.mark.skipif(MISSING != "", reason=MISSING)

UNPRIVILEGED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)
"""What the manifests ask of every container: a read-only root, no capabilities, no way to get them."""


def podman(
    *words: str, seconds_max: float = 60, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run one podman command to its end; with ``check``, a failure is an assertion with what it said."""
    command = ["env", f"CONTAINERS_CONF={CONFIGURATION}", "podman", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds_max, check=False)
    assert not check or done.returncode == 0, f"podman {' '.join(words)}: {done.stderr[-3000:]}"
    return done


def run(
    image: str, *words: str, flags: Sequence[str] = (), seconds_max: float = 60
) -> subprocess.CompletedProcess[str]:
    """A container without network that lives for one command; its exit code is in the answer."""
    flags = ("--rm", "--network=none", "--no-healthcheck", "--http-proxy=false", *flags)
    return podman("run", *flags, image, *words, seconds_max=seconds_max, check=False)


def scratch(*folders: str) -> list[str]:
    """Flags for folders in memory that anyone may write, as an emptyDir is."""
    return [f"--tmpfs={folder}:rw,mode=1777,notmpcopyup" for folder in folders]


def fresh_name(kind: str) -> str:
    """A name that no container, network or volume has yet."""
    return f"{PREFIX}{kind}-{secrets.token_hex(4)}"
