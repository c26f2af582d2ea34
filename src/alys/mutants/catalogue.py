"""All planted bugs."""

from alys.mutants import bridge, clients, consensus, runtime, storage
from alys.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *runtime.MUTANTS,
    *clients.MUTANTS,
    *bridge.MUTANTS,
    *consensus.MUTANTS,
    *storage.MUTANTS,
)


def named(name: str) -> Mutant:
    """The one of that name; raises KeyError with the names there are."""
    for mutant in MUTANTS:
        if mutant.name == name:
            return mutant
    raise KeyError(f"no planted bug {name!r}; there are: {', '.join(m.name for m in MUTANTS)}")
