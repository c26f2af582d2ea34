"""What a verdict is about: the commit, the lock and the versions that were run."""

import hashlib
import platform
import subprocess
from pathlib import Path

import msgspec

import alys
from alys.report import record

UNKNOWN = "unknown"
_GIT_SECONDS_MAX = 5.0  # a hung file system must not hang a run


def checkout() -> Path | None:
    """The root of the source tree that this package is run from; None when it is installed elsewhere."""
    root = Path(alys.__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "src/alys").is_dir() else None


class Built(msgspec.Struct, frozen=True):
    """What an image says of the package in it: ``built.json``, written beside the package when the image was made."""

    commit: str = UNKNOWN
    lock_hash: str = UNKNOWN


def versions(config_toml: str, image: str = "") -> record.Versions:
    """The facts of this process, from its checkout or from whoever built it; ``unknown`` where there is neither."""
    root = checkout()
    if root is not None:
        lock_hash = file_hash(root / "requirements" / "run.lock")
        about = Built(commit=commit(root), lock_hash=lock_hash)
    else:
        about = built(Path(alys.__file__).with_name("built.json"))
    return record.Versions(
        alys=alys.__version__,
        python=platform.python_version(),
        commit=about.commit,
        lock_hash=about.lock_hash,
        config_hash=hashlib.sha256(config_toml.encode()).hexdigest(),
        image=image,
    )


def built(file: Path) -> Built:
    """What the file says; nothing is known where it is missing or no such file."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Built)
    except (OSError, msgspec.MsgspecError):
        return Built()


def commit(root: Path) -> str:
    """The commit of a checkout, with ``-dirty`` when tracked files differ; ``unknown`` without git or commits."""
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty"]
    command += ["--exclude", "*"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_GIT_SECONDS_MAX, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN
    return answer.stdout.strip() or UNKNOWN


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hex, or ``unknown`` when it is not there."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return UNKNOWN
