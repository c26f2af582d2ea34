"""The images under test, each made once for all tests that use it."""

from collections.abc import Iterator

import pytest

from tests.image import base, containers

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session")
def base_image() -> str:
    """Name of a Debian with Python; stays in podman's store for the next run."""
    return base.make_base()


@pytest.fixture(scope="session")
def image(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of the image built from this checkout; removed afterwards."""
    wheels = base.fetch_wheels(tmp_path_factory.mktemp("wheels"))
    name = f"localhost/{containers.fresh_name('runner')}:latest"
    words = (f"BASE_IMAGE={base_image}", f"ALYS_COMMIT={COMMIT}", f"ALYS_IMAGE={name}")
    base.make_image(name, wheels, *words)
    yield name
    containers.podman("image", "rm", "--force", name)
