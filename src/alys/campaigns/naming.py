"""Who fired: one name for every way in which a run can fail, so that two failures can be compared and a planted bug can say who must find it.

A name is a word, or a word and what it found: ``ledger/double_mint``. Those of ``UNJUDGED`` are no oracle's: something broke before
anybody judged it.
"""

from alys.actors.errors import ActorError
from alys.base.errors import AlysError, Inconclusive
from alys.oracles.agreement import Disagreement
from alys.oracles.blocks import BlockFault
from alys.oracles.edges import EdgeFault
from alys.oracles.statement import BrokenFeed, Violation
from alys.sim.dispatch import SimulationError
from alys.sim.trap import Nondeterminism
from alys.worlds.network_world import ActorCrashed, TreeFailed
from alys.worlds.protocol import ScenarioTimeout
from alys.worlds.scorecard import CheckFailed, NeverHappened

INCONCLUSIVE = "inconclusive"

UNJUDGED = ("crash", "tree", "determinism", "harness")
"""An actor crashed that nobody provoked; a whole tree gave up; the trap; the bench itself."""

_NAMES: tuple[tuple[type[BaseException], str], ...] = (
    (EdgeFault, "edges"),
    (NeverHappened, "liveness"),
    (ScenarioTimeout, "liveness"),
    (CheckFailed, "work"),
    (SimulationError, "progress"),
    (ActorCrashed, "crash"),
    (TreeFailed, "tree"),
    (Nondeterminism, "determinism"),
    (Inconclusive, INCONCLUSIVE),
    (BrokenFeed, "harness"),
    (ActorError, "harness"),
)


def name_of(error: BaseException) -> str:
    """The name of who found it; what nobody knows is the bench's own."""
    named = getattr(error, "oracle", None)
    if isinstance(error, AlysError) and isinstance(named, str):
        return named
    if isinstance(error, Violation):
        return f"ledger/{error.cause.value}"
    if isinstance(error, Disagreement):
        return f"agreement/{error.flaw.name.lower()}"
    if isinstance(error, BlockFault):
        return f"blocks/{error.flaw.name.lower()}"
    return next((name for kind, name in _NAMES if isinstance(error, kind)), "harness")


def worst(names: list[str]) -> int:
    """Which of several findings of one run speaks for it: an oracle's before one that something did not come about or broke, and the first
    of equals."""
    return min(range(len(names)), key=lambda number: (_rank(names[number]), number))


def _rank(name: str) -> int:
    if name == INCONCLUSIVE:
        return 3
    if name in UNJUDGED:
        return 2
    return 1 if name in ("liveness", "progress") else 0
