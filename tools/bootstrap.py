"""Fill .venv from a lock: the only step between a fresh clone and the first run.

Usage: `python3 tools/bootstrap.py run|dev|bench`, called by the Makefile with a Python 3.11 or 3.12.
Standard library only, since nothing is installed yet. Every package comes from a file in requirements/
with a hash, as a wheel (one peer of the benchmarks, which has none, as pure Python source): no compiler is
needed, and nothing that is not in the lock can be installed.

The order is: a bare virtual environment; the installer uv into it (pip does that); the lock (uv does
that, or pip where uv is missing or has no way to the packages); the package itself, editable. A stamp
file per lock makes a second call a matter of milliseconds.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
SUPPORTED = ((3, 11), (3, 12))
LOCKS = ("run", "dev", "bench")  # each holds all that stand before it
HASHED = ("--require-hashes", "--only-binary", ":all:")
# No release of thespian has a wheel; it is built with the setuptools of dev.lock, which is there by then.
FROM_SOURCE = ("--no-binary", "thespian", "--no-build-isolation")


class Failed(Exception):
    """A step failed; the message is the one line for the user."""


def main(arguments: list[str]) -> int:
    """Install the lock named on the command line; 0 when done, 3 (environment) when it cannot be."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        print(f"usage: python3 tools/bootstrap.py {'|'.join(LOCKS)}", file=sys.stderr)
        return 2
    try:
        install(arguments[0])
    except Failed as failure:
        print(f"bootstrap: {failure}", file=sys.stderr)
        return 3
    return 0


def install(lock_name: str) -> None:
    """Bring .venv up to the named lock, or do nothing where its stamp says that it is."""
    lock = REQUIREMENTS / f"{lock_name}.lock"
    stamp = VENV / f".{lock_name}.stamp"
    wanted = fingerprint(lock)
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    check_version()
    if lock_name == "bench":
        install("dev")
    started = time.monotonic()
    print(f"bootstrap: installing requirements/{lock_name}.lock into .venv", file=sys.stderr)
    make_venv()
    install_lock(lock, FROM_SOURCE if lock_name == "bench" else ())
    install_package()
    stamp.write_text(wanted)
    for smaller in LOCKS[: LOCKS.index(lock_name)]:
        (VENV / f".{smaller}.stamp").write_text(fingerprint(REQUIREMENTS / f"{smaller}.lock"))
    print(f"bootstrap: done in {time.monotonic() - started:.0f} s", file=sys.stderr)


def fingerprint(lock: Path) -> str:
    """Tell whether .venv is stale: hash of the lock, of pyproject.toml and of the checkout's place."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (lock, ROOT / "pyproject.toml"):
        if not path.exists():
            raise Failed(f"{path.relative_to(ROOT)} is missing from this checkout")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def check_version() -> None:
    """Refuse a Python that the locked packages have no wheels for."""
    if sys.version_info[:2] not in SUPPORTED:
        found = ".".join(str(part) for part in sys.version_info[:2])
        raise Failed(f"Python 3.11 or 3.12 is needed, not {found}: make PYTHON=/path/to/python3.12")


def make_venv() -> None:
    """Create .venv without a pip of its own (that alone would take 3 s), or keep the one that works."""
    if PYTHON.exists() and venv_version() in SUPPORTED:
        return
    if VENV.exists():
        shutil.rmtree(VENV)
    venv.EnvBuilder(symlinks=True, with_pip=False).create(VENV)


def venv_version() -> tuple[int, ...]:
    """Version of the Python in .venv; empty where it does not start (its base was removed)."""
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in done.stdout.split())


def install_lock(lock: Path, exceptions: tuple[str, ...] = ()) -> None:
    """Install every package of the lock, with uv where it works, else with pip."""
    options = ("--quiet", *HASHED, *exceptions, "-r", str(lock))
    uv = find_uv()
    if uv and succeeds([uv, "pip", "install", "--python", str(PYTHON), *options]):
        return
    print("bootstrap: uv did not do it, trying pip (slower)", file=sys.stderr)
    if not succeeds([*pip(), "install", *options]):
        raise Failed(f"requirements/{lock.name} could not be installed; the lines above say why")


def find_uv() -> str | None:
    """Install the pinned uv into .venv; None where the platform has no wheel of it."""
    lock = REQUIREMENTS / "bootstrap.lock"
    if not succeeds([*pip(), "install", "--quiet", *HASHED, "-r", str(lock)]):
        return None
    return str(VENV / "bin" / "uv")


def pip() -> list[str]:
    """Command of a pip that installs into .venv: its own, the outer Python's, or a bundled one."""
    if succeeds([str(PYTHON), "-m", "pip", "--version"], quiet=True):
        return [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    outer = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(PYTHON)]
    if succeeds([*outer, "--version"], quiet=True):
        return outer
    if succeeds([str(PYTHON), "-m", "ensurepip"], quiet=True):
        return [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    raise Failed(
        "this Python has no pip: install it (Debian: apt install python3-pip) and try again"
    )


def install_package() -> None:
    """Install the checkout itself, editable; its build tools are in the lock."""
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-e", str(ROOT))
    uv = VENV / "bin" / "uv"
    if uv.exists() and succeeds([str(uv), "pip", "install", "--python", str(PYTHON), *options]):
        return
    if not succeeds([*pip(), "install", *options]):
        raise Failed("the package itself could not be installed; the lines above say why")


def succeeds(command: list[str], *, quiet: bool = False) -> bool:
    """Run a command to its end; its output is shown unless it is only a question."""
    sink = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, stdout=sink, stderr=sink, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
