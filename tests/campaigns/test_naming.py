"""Who found it, by the error."""

from alys.base.errors import Inconclusive
from alys.campaigns import naming
from alys.campaigns.users import WorkUndone
from alys.oracles.statement import Cause, Equation, Violation
from alys.worlds.network_world import ActorCrashed
from alys.worlds.scorecard import NeverHappened

MINTED = Violation(Cause.DOUBLE_MINT, Equation.PEG, expected=1, actual=2, culprit="ab:0")


def test_each_has_its_name() -> None:
    """The ledger's says what; an error that nobody knows is the bench's own."""
    assert naming.name_of(MINTED) == "ledger/double_mint"
    assert naming.name_of(WorkUndone("paid", "twice")) == "work/paid"
    assert naming.name_of(NeverHappened("it", timeout_s=1, last=None)) == "liveness"
    assert naming.name_of(ActorCrashed("Chain")) == "crash"
    assert naming.name_of(Inconclusive("blind")) == naming.INCONCLUSIVE
    assert naming.name_of(KeyError("x")) == "harness"


def test_of_several_findings_the_most_telling_speaks() -> None:
    """An oracle before a crash, whatever came first; the first of equals."""
    names = ["inconclusive", "crash", "liveness", "ledger/double_mint", "order"]
    assert names[naming.worst(names)] == "ledger/double_mint"
    assert names[naming.worst(names[:3])] == "liveness"
