"""Fixtures of the tests of the manifests and of the programs that keep them."""

import shutil
from pathlib import Path

import pytest

from tests.deploy import cluster
from tools import generate_manifests, manifests, publish_config, set_image


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The two folders somewhere else, where the programs may write."""
    for name, folder in cluster.FOLDERS.items():
        shutil.copytree(folder, tmp_path / name)
    for module in (manifests, generate_manifests):
        monkeypatch.setattr(module, "FOLDER", tmp_path / "k8s")
        monkeypatch.setattr(module, "SMALL", tmp_path / "k8s-small")
    for module in (generate_manifests, publish_config, set_image):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path
