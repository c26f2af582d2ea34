"""The trace: what the actors did, one JSON object per line, and a hash that says whether two runs did the same.

The rule of a system's hash, for anyone who wants to recompute it: take its lines that begin with ``{"t":``, in their order,
each as its UTF-8 bytes with one newline (0x0a) behind it, and hash their concatenation with BLAKE2b, digest 32 bytes, as
lower-case hex. ``recompute_hash`` is this sentence as code. Other lines may stand between them (notes with the texts
of errors); they do not count. The hash of a whole run is the runner's, over the file that it writes.

A counted line names its kind, the virtual time, actors as ``path#uid``, messages by id (uid of the sender and its count). The line
of a message that is sent carries it encoded, with its sender, its cause and its operation; when it is handled and answered, lines
carry its id, by which one finds these. A handler that returned before another began and before time moved has no line ``handled``:
the line ``handling`` says it, unless one of its failure follows. No line holds a seed, wall time, file path, process id or memory
address, nor the text of an error, since libraries put such things into theirs.

Every message makes three lines, so this is the hottest code of a simulation. Hence what is said again and again (the names of
actors, the time of an instant) is made once, messages are encoded by code compiled for their class (``bodies``), and lines are
hashed many at a time.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, TypeAlias

import msgspec
from typing_extensions import override

from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.sim.bodies import NOT_AS_ANNOTATED, Body, body_of, causes, name_of, plain

if TYPE_CHECKING:
    from alys.actors.envelope import Envelope

HASH_BYTES = 32

#: What a line begins with that counts for the hash.
COUNTED = '{"t":'

LINES_MAX = 4096
"""Lines that wait to be hashed."""
WORDS_MAX = 65_536
"""Operations whose names are kept encoded."""

NO_CAUSE = '","cause":null,"correlation":'
NO_WORDS: dict[str | None, str] = {None: 'null,"message":'}
TOLD, ASKED = 'false,"body":', 'true,"body":'

Sink: TypeAlias = Callable[[str], object]


class TraceRecorder(Observer):
    """Writes every event of a system to ``sink`` as a line (newline included), and hashes the lines; without a sink it only hashes.

    ``now`` is the dispatcher's clock. In the simulated world equal seeds give equal hashes; in the local world the
    same lines are written, without that promise.
    """

    def __init__(self, now: Callable[[], float], sink: Sink | None = None) -> None:
        #: The clock; whoever has a faster way to the same time may set it.
        self.now = now
        #: Who gets the lines, some time later: see ``flush``.
        self.sink = sink
        self._hash = blake2b(digest_size=HASH_BYTES)
        self._encode = msgspec.json.Encoder().encode
        #: Counted lines that are not hashed yet, and how many are.
        self._waiting: list[str] = []
        self._hashed = 0
        self._put = self._waiting.append
        #: The instant, and how the lines of each kind begin in it.
        self._instant = float("nan")
        #: The message whose handler began last.
        self._begun: Envelope | None = None
        self._sent = self._handling = self._handled = self._replied = self._other = ""
        #: Parts of lines by what they tell of, each with all that always follows it.
        self._senders: dict[int, str] = {}
        self._receivers: dict[int, str] = {}
        self._words: dict[str | None, str] = {**NO_WORDS}
        self._bodies: dict[type, tuple[str, Body]] = {}

    @property
    def records(self) -> int:
        """Counted lines so far."""
        return self._hashed + len(self._waiting)

    @property
    def trace_hash(self) -> str:
        """The hash of the lines written so far."""
        self.flush()
        return self._hash.hexdigest()

    def flush(self) -> None:
        """Hash the lines that wait and hand them to the sink: whoever reads what it got calls this first."""
        lines = self._waiting[:]
        del self._waiting[: len(lines)]
        self._hash.update("".join(lines).encode())
        self._hashed += len(lines)
        if self.sink is not None:
            for line in lines:
                self.sink(line)

    def record(self, kind: str, fields: Mapping[str, object]) -> None:
        """Write a counted line of one's own: a fault that was injected, a block that a service saw."""
        self._write(kind, dict(fields))

    # Messages

    @override
    def sent(self, envelope: "Envelope", target: Ref) -> None:
        if self.now() != self._instant:
            self._stamp()
        sender, message, cause = envelope.sender, envelope.message, envelope.cause
        about = envelope.correlation
        named, body = self._bodies.get(message.__class__) or self._learn(message.__class__)
        try:
            fields = body(message)
        except NOT_AS_ANNOTATED:
            fields = self._encode(plain(message)).decode()
        because = NO_CAUSE if cause is None else f'","cause":"{cause}","correlation":'
        self._put(
            f"{self._sent}{self._senders.get(sender.uid) or self._sender(sender)}"
            f"{self._receivers.get(target.uid) or self._receiver(target)}"
            f"{envelope.made or envelope.id}{because}{self._words.get(about) or self._word(about)}"
            f"{named}{TOLD if envelope.reply is None else ASKED}{fields}}}\n"
        )
        if len(self._waiting) > LINES_MAX:
            self.flush()

    @override
    def handling(self, envelope: "Envelope", target: Ref) -> None:
        if self.now() != self._instant:
            self._stamp()
        self._begun = envelope
        receiver = self._receivers.get(target.uid) or self._receiver(target)
        self._put(f'{self._handling}{receiver}{envelope.made or envelope.id}"}}\n')

    @override
    def handled(self, envelope: "Envelope", target: Ref) -> None:
        if self.now() != self._instant:
            self._stamp()
        elif envelope is self._begun:
            return
        self._put(f'{self._handled}{envelope.made or envelope.id}"}}\n')

    @override
    def replied(self, envelope: "Envelope", target: Ref, value: object) -> None:
        if self.now() != self._instant:
            self._stamp()
        receiver = self._receivers.get(target.uid) or self._receiver(target)
        try:
            known = isinstance(value, msgspec.Struct)
            body = body_of(value.__class__)(value) if known else self._encode(plain(value)).decode()
        except NOT_AS_ANNOTATED:
            body = self._encode(plain(value)).decode()
        self._put(f'{self._replied}{receiver}{envelope.made or envelope.id}","body":{body}}}\n')

    @override
    def dropped(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._lost("dropped", envelope, target, reason)

    @override
    def dead_letter(self, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._lost("dead_letter", envelope, target, reason)

    # Actors

    @override
    def spawned(self, actor: Ref) -> None:
        self._actor("spawned", actor)

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

    # Details

    def _lost(self, kind: str, envelope: "Envelope", target: Ref, reason: str) -> None:
        self._write(
            kind,
            {
                "sender": name_of(envelope.sender),
                "receiver": name_of(target),
                "id": envelope.id,
                "cause": envelope.cause,
                "correlation": envelope.correlation,
                "message": type(envelope.message).__name__,
                "reason": reason,
                "body": plain(envelope.message),
            },
        )

    def _actor(self, kind: str, actor: Ref, **more: object) -> None:
        self._write(kind, {"actor": name_of(actor), **more})

    def _note(self, kind: str, actor: Ref, error: BaseException) -> None:
        """The text of an error, for the reader; not counted."""
        if self.sink is not None:
            self.flush()
            said = f"{type(error).__name__}: {error}"
            line = {"note": kind, "actor": name_of(actor), "error": said}
            self.sink(self._encode(line).decode() + "\n")

    def _write(self, kind: str, fields: dict[str, object]) -> None:
        if self.now() != self._instant:
            self._stamp()
        rest = self._encode(fields).decode()[1:]
        self._put(f'{self._other}"{kind}"{"," if fields else ""}{rest}\n')
        if len(self._waiting) > LINES_MAX:
            self.flush()

    def _stamp(self) -> None:
        """A new instant."""
        instant = self._instant = self.now()
        at = self._encode(instant).decode()
        self._other = f'{COUNTED}{at},"kind":'
        self._sent = f'{self._other}"sent","sender":"'
        self._handling = f'{self._other}"handling","receiver":"'
        self._replied = f'{self._other}"replied","receiver":"'
        self._handled = f'{self._other}"handled","id":"'

    def _sender(self, ref: Ref) -> str:
        part = f'{_within_quotes(ref)}","receiver":"'
        return _keep(self._senders, ref, part)

    def _receiver(self, ref: Ref) -> str:
        part = f'{_within_quotes(ref)}","id":"'
        return _keep(self._receivers, ref, part)

    def _word(self, about: str | None) -> str:
        assert about is not None, "None is always known"
        if len(self._words) > WORDS_MAX:
            self._words = {**NO_WORDS}
        part = self._words[about] = f'{encode_basestring(about)},"message":'
        return part

    def _learn(self, kind: type) -> tuple[str, Body]:
        known = self._bodies[kind] = (f'"{kind.__name__}","ask":', body_of(kind))
        return known


def _within_quotes(ref: Ref) -> str:
    return encode_basestring(name_of(ref))[1:-1]


def _keep(parts: dict[int, str], ref: Ref, part: str) -> str:
    """A ref that was made by hand shares its uid with others, so only those of actors are kept."""
    if ref.cell is not None:
        parts[ref.uid] = part
    return part


def recompute_hash(lines: Iterable[str]) -> str:
    """The trace hash of an ``events.jsonl``, from its lines; see the rule at the top."""
    digest = blake2b(digest_size=HASH_BYTES)
    for line in lines:
        if line.startswith(COUNTED):
            digest.update(line.rstrip("\n").encode() + b"\n")
    return digest.hexdigest()
