"""A planted bug as data: what it is, what it is modelled on, who is expected to notice, and the texts that make it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from alys.base.errors import AlysError

AREAS = ("runtime", "clients", "bridge", "consensus", "storage")


class NotPlanted(AlysError):
    """A planted bug cannot be put in: its texts do not fit the code any more. Names the bug, the function and the fix."""


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One text of one function, and what stands there instead."""

    target: Annotated[str, Meta(pattern=r"\A[a-z_.]+:[A-Za-z_0-9.]+\Z")]
    """``alys.chain.peg:find_deposits`` or ``alys.actors.cell:Cell.run``. A function inside a function is edited in the outer
    one; a property, a class method or whatever a decorator wraps is named like the function."""
    old: str
    """Stands exactly once in the function's source, which begins at the margin: what is indented by 8 in the file of a method
    is indented by 4 here. A constant, a default of an argument or of a struct's field is no text of a function: edit who
    reads it."""
    new: str
    """Where a whole statement falls away this is ``pass``: there must be something to count."""


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring."""

    name: Annotated[str, Meta(pattern=r"\A[a-z0-9]+(-[a-z0-9]+)*\Z")]
    story: str
    """What it is and what it costs, in a sentence or two."""
    source: str
    """The incident or the issue that it is modelled on: a project with a number, or an event with its date."""
    area: Annotated[str, Meta(pattern=r"\A(runtime|clients|bridge|consensus|storage)\Z")]
    oracles: tuple[str, ...]
    """Names (``alys.campaigns.naming``) of those that may notice, declared beforehand. One that ends in ``/`` stands for all
    that begin so."""
    edits: tuple[Edit, ...]

    def expects(self, oracle: str) -> bool:
        """Whether this one was declared."""
        return any(
            oracle == declared or (declared.endswith("/") and oracle.startswith(declared))
            for declared in self.oracles
        )
