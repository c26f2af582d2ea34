"""Holds Ctrl-C and SIGTERM back for a moment.

They become KeyboardInterrupt, which may strike between any two instructions. Where that would lose something (a folder made
and nobody yet who writes into it; an import, whose lock callbacks swallow whatever is raised in them) they wait until it is over.
"""

import signal
from types import FrameType
from typing import Any


class Undisturbed:
    """A context that ends with its block, or earlier by ``end``: then what came meanwhile takes effect, there and then.

    Outside the main thread, where nobody is interrupted, it does nothing.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._waiting: list[int] = []

    def __enter__(self) -> "Undisturbed":
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before[number] = signal.signal(number, self._keep)
            except ValueError:
                break
        return self

    def _keep(self, number: int, _frame: FrameType | None) -> None:
        self._waiting.append(number)

    def end(self) -> None:
        """Let them come again, beginning with those that waited."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        while self._waiting:
            signal.raise_signal(self._waiting.pop(0))

    def __exit__(self, *_: object) -> None:
        self.end()
