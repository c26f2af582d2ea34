"""How much memory one actor holds: its state and its mailbox, looked at now.

State is everything that can be reached from the instance, sized with ``sys.getsizeof``, without what is not the actor's:
types, functions, modules, other actors, the runtime. What two actors share is counted with both. At most
``OBJECTS_MAX`` objects are looked at; beyond that the size found so far is given and ``exact`` is False. Of a long mailbox
a sample of messages is sized, spread evenly over it, and the sum scaled up.
"""

import gc
import sys
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from alys.actors.context import Context
from alys.actors.mailbox import NOWHERE
from alys.actors.ref import Ref
from alys.actors.reply import Reply

if TYPE_CHECKING:
    from alys.actors.cell import Cell

OBJECTS_MAX = 10_000
"""Objects that are looked at for one actor: about 2 ms."""
SAMPLE_MESSAGES = 32

_FOREIGN = (
    type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.CodeType,
    types.FrameType, types.GeneratorType, types.CoroutineType, Ref, Context, Reply,
)  # fmt: skip


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What one actor holds, in bytes."""

    state_bytes: int
    mailbox_bytes: int
    exact: bool
    """Whether everything was looked at."""

    @property
    def total_bytes(self) -> int:
        """State and mailbox."""
        return self.state_bytes + self.mailbox_bytes


def memory_of(cell: "Cell", objects_max: int = OBJECTS_MAX) -> Memory:
    """Size an actor; cheap enough to be called for every actor at every scrape, not for every message."""
    belongings = cell.belongings
    own = sys.getsizeof(cell) + (sys.getsizeof(belongings) if belongings is not None else 0)
    state, left = size_of(
        [cell.instance] if cell.instance is not None else [], objects_max, cell.system
    )
    stash = belongings.stash if belongings is not None and belongings.stash else []
    stashed, stash_exact = _size_of_messages(stash, cell.system)
    mailbox, mailbox_exact = 0, True
    if cell.mailbox is not NOWHERE:
        queued = list(cell.mailbox.entries())
        mailbox, mailbox_exact = _size_of_messages(queued, cell.system)
        mailbox += sys.getsizeof(cell.mailbox) + sys.getsizeof(cell.mailbox.queue)
    return Memory(
        state_bytes=own + state + stashed,
        mailbox_bytes=mailbox,
        exact=left > 0 and mailbox_exact and stash_exact,
    )


def size_of(roots: Iterable[Any], objects_max: int, system: Any = None) -> tuple[int, int]:
    """Bytes of all that can be reached from the roots, and how many objects more might have been looked at."""
    seen: set[int] = set()
    todo = list(roots)
    total = 0
    while todo and len(seen) < objects_max:
        item = todo.pop()
        if id(item) in seen or isinstance(item, _FOREIGN) or item is system:
            continue
        if system is not None and item is system.dispatcher:
            continue
        seen.add(id(item))
        total += sys.getsizeof(item)
        todo.extend(gc.get_referents(item))
    return total, objects_max - len(seen)


def _size_of_messages(entries: list[Any], system: Any) -> tuple[int, bool]:
    if not entries:
        return 0, True
    step = max(1, len(entries) // SAMPLE_MESSAGES)
    sample = entries[::step]
    size, left = size_of(sample, OBJECTS_MAX, system)
    return size * len(entries) // len(sample), step == 1 and left > 0
