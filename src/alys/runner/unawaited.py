"""Notices calls without ``await``. Such a line looks like a check and checks nothing, and Python only mumbles about it."""

import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path

_SAID = r"coroutine .* was never awaited"


class Watch:
    """While inside, keeps every warning, and where each coroutine was made. One at a time, in one thread."""

    def __init__(self) -> None:
        self._depth = 0
        self._catcher = warnings.catch_warnings(record=True)
        self._log: list[warnings.WarningMessage] = []

    def __enter__(self) -> "Watch":
        self._depth = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(1)
        log = self._catcher.__enter__()
        self._log = [] if log is None else log
        warnings.filterwarnings("always", message=_SAID, category=RuntimeWarning)
        return self

    def __exit__(self, *_: object) -> None:
        self._catcher.__exit__(None, None, None)
        sys.set_coroutine_origin_tracking_depth(self._depth)

    def take(self, belongs: Callable[[Path, str], bool]) -> list[str]:
        """What was forgotten in the functions that ``belongs`` accepts by file and name; each is told once."""
        told: list[str] = []
        for message in list(self._log):
            origin = _origin(message)
            if origin is not None and belongs(Path(origin[0]), origin[2]):
                called = getattr(message.source, "__qualname__", "?")
                told.append(f"{called} ({Path(origin[0]).name}:{origin[1]})")
                self._log.remove(message)
        return told

    def rest(self) -> list[str]:
        """The warnings nobody took, as Python would have printed them; call it after leaving."""
        return [
            warnings.formatwarning(
                message.message, message.category, message.filename, message.lineno, message.line
            )
            for message in self._log
        ]


def _origin(message: warnings.WarningMessage) -> tuple[str, int, str] | None:
    """File, line and function in which the forgotten coroutine was made; None for any other warning."""
    coroutine = message.source
    if not isinstance(coroutine, types.CoroutineType) or not coroutine.cr_origin:
        return None
    return coroutine.cr_origin[0]
