"""What a verdict says it is about."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import alys
from alys.runner import provenance


def test_the_facts_of_this_checkout() -> None:
    told = provenance.versions("[world]\n")
    assert told.config_hash == hashlib.sha256(b"[world]\n").hexdigest()
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", told.commit)
    root = provenance.checkout()
    assert root is not None
    lock = (root / "requirements" / "run.lock").read_bytes()
    assert told.lock_hash == hashlib.sha256(lock).hexdigest()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_changed_checkout_is_called_dirty_and_a_tag_hides_nothing(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True
        )

    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "one")
    git("tag", "-a", "v1", "-m", "one")
    clean = provenance.commit(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{40}", clean)
    (tmp_path / "file").write_text("2")
    assert provenance.commit(tmp_path) == f"{clean}-dirty"


def test_what_cannot_be_known_is_called_unknown(tmp_path: Path) -> None:
    assert provenance.commit(tmp_path / "gone") == "unknown"
    assert provenance.file_hash(tmp_path / "gone") == "unknown"


def test_an_image_says_what_it_was_built_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "checkout", lambda: None)
    monkeypatch.setattr(alys, "__file__", str(tmp_path / "__init__.py"))
    assert provenance.versions("").commit == "unknown"
    (tmp_path / "built.json").write_text('{"commit": "c0ffee", "lock_hash": "10c4"}')
    told = provenance.versions("", "registry/alys:1@sha256:ab")
    assert (told.commit, told.lock_hash) == ("c0ffee", "10c4")
    assert told.image == "registry/alys:1@sha256:ab"
