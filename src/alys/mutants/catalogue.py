"""All planted bugs. ``python -m alys.mutants.catalogue`` prints their page, docs/reference/planted-bugs.md."""

import sys

from alys.mutants import bridge, clients, consensus, runtime, storage
from alys.mutants.mutant import AREAS, Mutant

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


TITLES = {
    "runtime": "The actor runtime",
    "clients": "What speaks to the services",
    "bridge": "The bridge and the federation",
    "consensus": "Blocks and consensus",
    "storage": "Storage and recovery",
}


def page() -> str:
    """The page about them."""
    lines = [
        "# Planted bugs",
        "",
        f"{len(MUTANTS)} bugs of the kinds that real bridges and actor systems have had. `alys sim mutants` plants them one at a time and looks for",
        "each seed after seed, until one of the oracles named here, which are declared beforehand, finds it",
        "([how](../how-to/simulate.md)). They are data (`src/alys/mutants/`): a text of a function is replaced for one run, and nothing of them is in",
        "the code that runs otherwise. A name that ends in `/` stands for all that begin so.",
    ]
    for area in AREAS:
        lines += ["", f"## {TITLES[area]}", "", "| name | what it is | modelled on | oracles |"]
        lines.append("|---|---|---|---|")
        for one in MUTANTS:
            if one.area == area:
                oracles = ", ".join(f"`{oracle}`" for oracle in one.oracles)
                lines.append(f"| `{one.name}` | {one.story} | {one.source} | {oracles} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
