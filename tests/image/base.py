"""The images of these tests, made here because none can be pulled: a Debian with Python, and ours upon it.

The base is what mmdebstrap makes of the machine's own Debian mirror, kept as a tar in the user's cache folder by
suite, packages and this file's options. Ours is k8s/Dockerfile.test-runner, built without network from a folder of wheels.
"""

import hashlib
import platform
import subprocess
import sys
from pathlib import Path

from tests.image import containers

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path.home() / ".cache" / "alys" / "image"

SUITE, PYTHON = "bookworm", "3.11"  # a Debian whose own Python the locked wheels are made for
PACKAGES = ("python3", "python3-venv")
OPTIONS = (
    "--variant=minbase",
    f"--include={','.join(PACKAGES)}",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)
KEY = hashlib.sha256(" ".join((SUITE, platform.machine(), *OPTIONS)).encode()).hexdigest()[:16]
BASE = f"localhost/alys-test-base:{KEY}"
"""Stays in podman's store, as the tar stays in the cache: neither depends on our code."""

_GLIBC = ("2_34", "2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")  # not above bookworm's


def make_base() -> str:
    """The base image, from podman's store, from the cache, or made anew (half a minute)."""
    if containers.podman("image", "exists", BASE, check=False).returncode == 0:
        return BASE
    tar = CACHE / f"base-{SUITE}-{KEY}.tar"
    if not tar.exists():
        tar.parent.mkdir(parents=True, exist_ok=True)
        unfinished = tar.with_suffix(".part")
        _do("mmdebstrap", "--quiet", "--format=tar", *OPTIONS, SUITE, str(unfinished), *_mirrors())
        unfinished.replace(tar)
    containers.podman("import", "--quiet", str(tar), BASE)
    return BASE


def _mirrors() -> list[str]:
    """The machine's own lines for this suite; none (mmdebstrap then knows one) on another Debian."""
    form = "$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    said = _do("apt-get", "indextargets", "--format", form, "Created-By: Packages")
    lines = {line.partition(" ")[2] for line in said.splitlines() if line.startswith("Debian ")}
    return sorted(line for line in lines if line.split()[2].partition("-")[0] == SUITE)


def make_image(name: str, wheels: Path, *arguments: str) -> str:
    """Build the Dockerfile of the project from the wheels of its lock, with no way to any network."""
    build = ("--layers=false", "--format=docker", "--network=none", f"--volume={wheels}:/wheels:ro")
    given = ("PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels", *arguments)
    words = [*build, *(f"--build-arg={argument}" for argument in given)]
    file = str(ROOT / "k8s" / "Dockerfile.test-runner")
    containers.podman("build", *words, "-f", file, "-t", name, str(ROOT), seconds_max=240)
    return name


def fetch_wheels(folder: Path) -> Path:
    """Download what requirements/run.lock pins, each with its hash, for the Python of the base."""
    machine = platform.machine()
    platforms = [f"manylinux_{version}_{machine}" for version in _GLIBC]
    platforms += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}"]
    wanted = ["--python-version", PYTHON, "--implementation", "cp"]
    for abi in ("cp" + PYTHON.replace(".", ""), "abi3", "none"):
        wanted += ["--abi", abi]
    for known in (*platforms, f"linux_{machine}", "any"):
        wanted += ["--platform", known]
    # The virtual environment has no pip of its own; the Python it was made from has.
    pip = [str(Path(sys.base_prefix) / "bin" / "python3"), "-m", "pip"]
    checked = ("--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:")
    lock = str(ROOT / "requirements" / "run.lock")
    _do(*pip, "download", *checked, *wanted, "--dest", str(folder), "-r", lock)
    return folder


def _do(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-3000:]}"
    return done.stdout
