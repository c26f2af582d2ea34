"""The base image of these tests is a plain Debian with the Python that the wheels are fetched for."""

from tests.image import base, containers
from tests.image.containers import needs_podman


@needs_podman
def test_the_base_has_the_python_that_the_wheels_are_for(base_image: str) -> None:
    code = "import sys, venv; print(*sys.version_info[:2], sep='.')"
    done = containers.run(base_image, "python3", "-c", code)
    assert done.stdout.strip() == base.PYTHON, done.stderr
