"""Those who look at the runtime itself while a world runs, and what the oracles made of it.

Made for a system that nobody has used yet: from then on they hear everything first. An observer must not raise, so what is found
is kept: ``require`` raises it, and ``close`` does.
"""

from collections.abc import Callable
from typing import Protocol

from alys.actors.observe import Observer, together
from alys.actors.system import System
from alys.base.errors import AlysBug
from alys.oracles.broken import Broken
from alys.sim.dispatch import SimDispatcher
from alys.worlds.family_witness import FamilyWitness
from alys.worlds.leak_witness import LeakWitness
from alys.worlds.mail_witness import MailWitness


class Watched(Protocol):
    """What has a system of actors: a world, or a test's kit."""

    @property
    def system(self) -> System:
        """Its actors."""
        ...


class Witnesses:
    """See the module's docstring. Raises AlysBug where actors run already."""

    def __init__(self, world: Watched, found: Callable[[Broken], object] | None = None) -> None:
        """``found`` is told of the first finding when it is made, in the middle of whatever runs; it must not raise."""
        system = world.system
        if len(system.cells()) > 1:
            raise AlysBug("witnesses come before the first actor: make them before the world opens")
        self._tell = found
        #: The first thing that was found.
        self.broken: Broken | None = None
        self.mail = MailWitness(system.root, self._found)
        self.family = FamilyWitness(system.dispatcher.now, self._found)
        dispatcher = system.dispatcher
        armed = dispatcher.armed if isinstance(dispatcher, SimDispatcher) else None
        self.leaks = LeakWitness(system, armed, self._found)
        self.observer: Observer = together(self.mail, self.family, self.leaks)
        system.observer = together(self.mail, self.family, self.leaks, system.observer)
        system.plain = False

    def require(self) -> None:
        """Raise what was found, if anything was."""
        if self.broken is not None:
            raise self.broken

    def close(self) -> dict[str, int]:
        """The end, before or after the system was stopped: how much each oracle looked at. Raises Broken."""
        self.require()
        return {**self.mail.close(), **self.family.close(), **self.leaks.close()}

    def _found(self, broken: Broken) -> None:
        if self.broken is None:
            self.broken = broken
            if self._tell is not None:
                self._tell(broken)
