"""Clocks whose pauses take no time: one for a single party, one that several parties share."""

import heapq
import itertools
import threading
from collections.abc import Callable

WALL = 1_800_000_000.0
PATIENCE_SECONDS = 60.0
"""Wall time after which a simulation that does not go on is a failure."""


class Still:
    """Moves only when somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return WALL + self.time

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


class Shared:
    """Virtual time for parties that block: each is a thread, one runs at a time, the one that is due first."""

    def __init__(self) -> None:
        self.time = 0.0
        self._due: list[tuple[float, int, threading.Event]] = []
        self._order = itertools.count()
        self._over = threading.Event()
        self._errors: list[BaseException] = []

    def run(self, *parties: Callable[[], None]) -> None:
        """Run all to their ends; what one raised is raised here."""
        for party in parties:
            turn = self._queue(0.0)
            threading.Thread(target=self._live, args=(party, turn), daemon=True).start()
        self._next()
        assert self._over.wait(PATIENCE_SECONDS), "the parties never came to an end"
        for error in self._errors:
            raise error

    def wait(self, seconds: float) -> None:
        turn = self._queue(seconds)
        self._next()
        assert turn.wait(PATIENCE_SECONDS), "nobody let this party go on"

    def _live(self, party: Callable[[], None], turn: threading.Event) -> None:
        turn.wait(PATIENCE_SECONDS)
        try:
            party()
        except BaseException as error:
            self._errors.append(error)
        self._next()

    def _queue(self, seconds: float) -> threading.Event:
        turn = threading.Event()
        heapq.heappush(self._due, (self.time + seconds, next(self._order), turn))
        return turn

    def _next(self) -> None:
        if not self._due:
            self._over.set()
            return
        self.time, _, turn = heapq.heappop(self._due)
        turn.set()


class View:
    """One party's clock: it goes as the shared one does, and thinks what it likes of the date."""

    def __init__(self, shared: Shared, wall_offset_s: float = 0.0) -> None:
        self._shared = shared
        self._offset_s = wall_offset_s

    def now(self) -> float:
        return self._shared.time + self._offset_s / 2

    def wall(self) -> float:
        return WALL + self._shared.time + self._offset_s

    def wait(self, seconds: float) -> None:
        self._shared.wait(seconds)
