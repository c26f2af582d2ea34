"""What a governance node may be told to do wrong, and how often it did.

A fault that touched nothing proves nothing, so each one counts. Faults outlive connections: they
belong to the node, not to a stream.
"""

from collections.abc import Mapping

import msgspec

from alys.base.errors import UsageError


class UnknownFault(UsageError):
    """No such fault, or a value that is not true or false; nothing was changed."""

    def __init__(self, name: str, value: object, known: tuple[str, ...]) -> None:
        super().__init__(f"no fault {name} = {value!r}: set true or false for {', '.join(known)}")
        self.name = name
        self.value = value
        self.known = known


class Faults(msgspec.Struct, kw_only=True):
    """Switches, all off at first, and beside them the number of messages each has touched."""

    refuse_registration: bool = False
    """Registrations are answered with ``accepted = false``."""
    refuse_token: bool = False
    """No token is the right one any more: streams are not opened."""
    ignore_heartbeats: bool = False
    """Heartbeats get no ack."""
    refuse_signing: bool = False
    """Requests that would be signed are answered FAILED."""
    ignore_signing: bool = False
    """Requests that would be signed get no answer at all."""
    wrong_signature: bool = False
    """Signatures are well-formed and by the right key, but over another message."""
    short_signatures: bool = False
    """The last input's signature is left out of the answer."""
    reverse_answers: bool = False
    """Answers to signature requests are held until there are some, and leave in reverse order."""
    foreign_answers: bool = False
    """Before each answer to a signature request goes a copy of it under an id that nobody asked under."""
    unhealthy: bool = False
    """Health answers UNHEALTHY."""
    touched: dict[str, int] = {}
    """Messages touched, by the fault's name; kept when a fault is switched off."""

    def hits(self, name: str) -> bool:
        """Is this fault on? If so, count one message touched."""
        if not getattr(self, name):
            return False
        self.touched[name] = self.touched.get(name, 0) + 1
        return True

    def change(self, wanted: Mapping[str, object]) -> dict[str, object]:
        """Switch faults on and off; all or nothing, raises UnknownFault. What is on then is told as ``view`` does."""
        for name, value in wanted.items():
            if name not in FAULT_NAMES or not isinstance(value, bool):
                raise UnknownFault(name, value, FAULT_NAMES)
        for name, value in wanted.items():
            setattr(self, name, value)
        return self.view()

    def view(self) -> dict[str, object]:
        """The switches and the counts as JSON values."""
        active = {name: getattr(self, name) for name in FAULT_NAMES}
        return {**active, "touched": dict(sorted(self.touched.items()))}


FAULT_NAMES: tuple[str, ...] = tuple(
    field for field in Faults.__struct_fields__ if field != "touched"
)
