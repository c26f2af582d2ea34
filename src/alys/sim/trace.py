"""The trace: what the actors did, one JSON object per line, and a hash that says whether two runs did the same.

The rule of a system's hash, for anyone who wants to recompute it: take its lines that begin with ``{"t":``, in their order,
each as its UTF-8 bytes with one newline (0x0a) behind it, and hash their concatenation with BLAKE2b, digest 32 bytes, as
lower-case hex. ``recompute_hash`` is this sentence as code. Other lines may stand between them (notes with the texts
of errors); they do not count. The hash of a whole run is the runner's, over the file that it writes.

A counted line names its kind, the virtual time, actors as ``path#uid``, messages by id (uid of the sender and its count) and
carries the encoded message. It holds no seed, wall time, file path, process id or memory address, and no text of an
error, since libraries put such things into theirs.
"""

import enum
import hashlib
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from alys.actors.observe import Observer
from alys.actors.ref import Ref

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope

HASH_BYTES = 32

#: What a line begins with that counts for the hash.
COUNTED = '{"t":'

_ATOMS = frozenset({str, int, float, bool, type(None)})


class TraceRecorder(Observer):
    """Writes every event of a system to ``sink`` as a line (newline included), and hashes the lines.

    ``now`` is the dispatcher's clock. In the simulated world equal seeds give equal hashes; in the local world the
    same lines are written, without that promise.
    """

    def __init__(self, now: Callable[[], float], sink: Callable[[str], object]) -> None:
        #: Counted lines so far.
        self.records = 0
        self._now = now
        self._sink = sink
        self._hash = hashlib.blake2b(digest_size=HASH_BYTES)
        self._encode = msgspec.json.Encoder().encode

    @property
    def trace_hash(self) -> str:
        """The hash of the lines written so far."""
        return self._hash.hexdigest()

    def record(self, kind: str, fields: Mapping[str, object]) -> None:
        """Write a counted line of one's own: a fault that was injected, a block that a service saw."""
        self._write({"t": self._now(), "kind": kind, **fields})

    @override
    def spawned(self, actor: Ref) -> None:
        self._actor("spawned", actor)

    @override
    def sent(self, envelope: "Envelope", target: Ref) -> None:
        body = plain(envelope.message)
        self._write(
            {
                **self._message("sent", envelope, target),
                "ask": envelope.reply is not None,
                "body": body,
            }
        )

    @override
    def handling(self, envelope: "Envelope", target: Ref) -> None:
        self._write(self._message("handling", envelope, target))

    @override
    def handled(self, envelope: "Envelope", target: Ref) -> None:
        self._write(self._message("handled", envelope, target))

    @override
    def replied(self, envelope: "Envelope", target: Ref, value: object) -> None:
        self._write({**self._message("replied", envelope, target), "body": plain(value)})

    @override
    def failed(self, actor: Ref, error: BaseException, envelope: "Envelope | None") -> None:
        self._actor(
            "failed", actor, id=envelope.id if envelope is not None else None, error=causes(error)
        )
        self._note("failed", actor, error)

    @override
    def resumed(self, actor: Ref, error: BaseException) -> None:
        self._actor("resumed", actor, error=causes(error))

    @override
    def restarted(self, actor: Ref, incarnation: int, cause: BaseException) -> None:
        self._actor("restarted", actor, incarnation=incarnation, error=causes(cause))

    @override
    def escalated(self, actor: Ref, error: BaseException) -> None:
        self._actor("escalated", actor, error=causes(error))
        self._note("escalated", actor, error)

    @override
    def stopped(self, actor: Ref, reason: str) -> None:
        self._actor("stopped", actor, reason=reason)

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._lost("dropped", envelope, target, reason)

    @override
    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._lost("dead_letter", envelope, target, reason)

    def _lost(self, kind: str, envelope: "Envelope", target: Ref, reason: str) -> None:
        body = plain(envelope.message)
        self._write({**self._message(kind, envelope, target), "reason": reason, "body": body})

    def _message(self, kind: str, envelope: "Envelope", target: Ref) -> dict[str, object]:
        return {
            "t": self._now(),
            "kind": kind,
            "sender": name_of(envelope.sender),
            "receiver": name_of(target),
            "id": envelope.id,
            "cause": envelope.cause,
            "correlation": envelope.correlation,
            "message": type(envelope.message).__name__,
        }

    def _actor(self, kind: str, actor: Ref, **more: object) -> None:
        self._write({"t": self._now(), "kind": kind, "actor": name_of(actor), **more})

    def _note(self, kind: str, actor: Ref, error: BaseException) -> None:
        """The text of an error, for the reader; not counted."""
        line = {"note": kind, "actor": name_of(actor), "error": f"{type(error).__name__}: {error}"}
        self._sink(self._encode(line).decode() + "\n")

    def _write(self, fields: dict[str, object]) -> None:
        data = self._encode(fields) + b"\n"
        self._hash.update(data)
        self.records += 1
        self._sink(data.decode())


def recompute_hash(lines: Iterable[str]) -> str:
    """The trace hash of an ``events.jsonl``, from its lines; see the rule at the top."""
    digest = hashlib.blake2b(digest_size=HASH_BYTES)
    for line in lines:
        if line.startswith(COUNTED):
            digest.update(line.rstrip("\n").encode() + b"\n")
    return digest.hexdigest()


def name_of(ref: Ref) -> str:
    """An actor as ``path#uid``."""
    return f"{ref.path}#{ref.uid}"


def causes(error: BaseException | None) -> list[str]:
    """The types of an error and of what caused it, outermost first; never its text."""
    names: list[str] = []
    while error is not None and len(names) < 8:
        names.append(type(error).__name__)
        error = error.__cause__
    return names


def plain(value: object) -> object:
    """A value as JSON has it: bytes as hex, refs as ``path#uid``, structs and mappings as objects, sets sorted.

    Floats that JSON does not know become their names. A value of an unknown type becomes the name of its type:
    its ``repr`` might hold an address.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value if kind is not float else _finite(value)  # type: ignore[arg-type]
    if isinstance(value, bytes | bytearray | memoryview):
        return value.hex()
    if isinstance(value, Ref):
        return name_of(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(item) for item in value), key=msgspec.json.encode)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _other(value)


def _finite(number: float) -> object:
    return number if number - number == 0 else repr(number)


def _key(key: object) -> str:
    made = plain(key)
    return made if isinstance(made, str) else msgspec.json.encode(made).decode()


def _other(value: Any) -> object:
    """Subclasses of the atoms, errors, and what nobody expected."""
    if isinstance(value, BaseException):
        return causes(value)
    for atom in (str, int, float):
        if isinstance(value, atom):
            return plain(atom(value))
    return f"<{type(value).__name__}>"
