"""Stub while the real one is written."""

from collections.abc import Callable
from typing import Any


class Trap:
    """Runs one call of the simulation."""

    def run(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Run it."""
        call(*args)
