"""The vocabulary of faults: what a service can be told to do wrong, one struct per kind, the same in processes and in simulation.

``read`` makes a fault of JSON values and refuses, by name, what its kind does not have. What a fault does to a call, how long it
lasts and what it touched is the affair of ``misbehaviour``.
"""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, get_args

import msgspec
from msgspec import Meta

from alys.base.errors import UsageError

MS_MAX = 600_000
TIMES_MAX = 1_000_000_000
SECONDS_MAX = 10 * 366 * 86_400
DEPTH_MAX = 1_000
BYTES_MAX = 64 * 1024 * 1024

BITCOIN, ETHEREUM, GOVERNANCE = "bitcoin", "ethereum", "governance"
SERVICES = (BITCOIN, ETHEREUM, GOVERNANCE)

CallPattern = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\A[\w.*?\[\]!-]+\Z")]
"""The name of a call, or a shell's pattern of names: ``eth_*``."""
Milliseconds = Annotated[float, Meta(ge=0, le=MS_MAX)]


class BadFault(UsageError):
    """No fault, or none that this service can commit; nothing has changed. ``reason`` is without the place."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Fault(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"
):
    """The base of all kinds."""

    services: ClassVar[tuple[str, ...]] = SERVICES
    """Who can commit it."""

    @property
    def kind(self) -> str:
        """The word for it in JSON and on the command line."""
        return str(self.__struct_config__.tag)


class Lasting(Fault, frozen=True, kw_only=True):
    """A fault that is on for a while: until it is removed, or until the first of its limits is reached."""

    times: Annotated[int, Meta(ge=1, le=TIMES_MAX)] | None = None
    """How often it may bite."""
    duration_s: Annotated[float, Meta(gt=0, le=SECONDS_MAX)] | None = None
    """Seconds on the service's own clock, which a session may let run faster than the wall's."""
    rate: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """The share of chances that it takes, drawn anew for each."""


class CallFault(Lasting, frozen=True, kw_only=True):
    """A fault of single calls."""

    calls: tuple[CallPattern, ...] = ()
    """Which ones, by name or pattern; none: all."""


# Kinds for every service


class Latency(CallFault, frozen=True, kw_only=True, tag="latency"):
    """Answers are late. Other calls are not held up. The call is carried out when it comes."""

    ms: Milliseconds = 0.0
    """Milliseconds of the wall; in simulation, virtual ones."""
    jitter_ms: Milliseconds = 0.0
    """Up to so much more, drawn anew for each call."""

    def __post_init__(self) -> None:
        if self.ms + self.jitter_ms <= 0:
            raise ValueError("ms or jitter_ms must be above 0")


class Error(CallFault, frozen=True, kw_only=True, tag="error"):
    """Calls are refused in the protocol's own words, and not carried out."""

    code: int | str | None = None
    """JSON-RPC's code, or the name of a gRPC status; None: -32603, or UNAVAILABLE."""
    message: Annotated[str, Meta(max_length=1000)] = "ordered fault"


class Refuse(CallFault, frozen=True, kw_only=True, tag="refuse"):
    """The connection is closed instead of an answer; the call is not carried out."""


class Hang(CallFault, frozen=True, kw_only=True, tag="hang"):
    """Calls are not carried out and never answered; their connections close when the fault is removed."""


class Drop(CallFault, frozen=True, kw_only=True, tag="drop"):
    """The call is carried out, and the connection is closed in the middle of its answer."""

    after_bytes: Annotated[int, Meta(ge=0, le=BYTES_MAX)] = 0
    """So many bytes of the answer's body are sent; the last one never is. Governance cuts before a message: only 0."""


class Malformed(CallFault, frozen=True, kw_only=True, tag="malformed"):
    """The call is carried out, and what comes back is not the protocol."""

    form: Annotated[str, Meta(pattern=r"\A(text|truncated|empty)\Z")] = "text"
    """``text`` (a page of some proxy), ``truncated`` (the first half of the answer) or ``empty``."""


class Stale(CallFault, frozen=True, kw_only=True, tag="stale"):
    """A call is not carried out but answered as the same call was, for the first time since the fault began."""

    any_params: bool = False
    """Whether calls of one name are the same call, whatever their parameters."""


class ClockSkew(Fault, frozen=True, kw_only=True, tag="clock_skew"):
    """The service's clock is wrong. Touches every call that comes in meanwhile."""

    seconds: Annotated[float, Meta(ge=-SECONDS_MAX, le=SECONDS_MAX)]
    duration_s: Annotated[float, Meta(gt=0, le=SECONDS_MAX)] | None = None
    """Seconds on the clock as it would be."""

    def __post_init__(self) -> None:
        if self.seconds == 0:
            raise ValueError("seconds must not be 0")


# Kinds for chains


class Reorg(Fault, frozen=True, kw_only=True, tag="reorg"):
    """At once, the last ``depth`` blocks are replaced by one more on another branch. Touches the blocks replaced."""

    services: ClassVar[tuple[str, ...]] = (BITCOIN, ETHEREUM)
    depth: Annotated[int, Meta(ge=1, le=DEPTH_MAX)] = 1
    empty: bool = False
    """Bitcoin: leave all transactions out of the new branch. Ethereum's new branch is always empty of them."""


# Kinds for governance: each is a rule of the protocol that the node breaks


class Governed(Lasting, frozen=True, kw_only=True):
    """A fault of a governance node's own."""

    services: ClassVar[tuple[str, ...]] = (GOVERNANCE,)


class WrongSignature(Governed, frozen=True, kw_only=True, tag="wrong_signature"):
    """Signatures are well-formed and by the right key, but over another message."""


class Equivocate(Governed, frozen=True, kw_only=True, tag="equivocate"):
    """A request is answered twice under one id, with two different signatures, and otherwise again when it is repeated."""


class RefuseRegistration(Governed, frozen=True, kw_only=True, tag="refuse_registration"):
    """Registrations are answered with ``accepted = false``."""


class RefuseToken(Governed, frozen=True, kw_only=True, tag="refuse_token"):
    """No token is the right one any more: streams are not opened."""


class IgnoreHeartbeats(Governed, frozen=True, kw_only=True, tag="ignore_heartbeats"):
    """Heartbeats get no ack."""


class RefuseSigning(Governed, frozen=True, kw_only=True, tag="refuse_signing"):
    """Requests that would be signed are answered FAILED."""


class IgnoreSigning(Governed, frozen=True, kw_only=True, tag="ignore_signing"):
    """Requests that would be signed get no answer at all."""


class ShortSignatures(Governed, frozen=True, kw_only=True, tag="short_signatures"):
    """The last input's signature is left out of the answer."""


class ReverseAnswers(Governed, frozen=True, kw_only=True, tag="reverse_answers"):
    """Answers to signature requests are held until there are some, and leave in reverse order."""


class ForeignAnswers(Governed, frozen=True, kw_only=True, tag="foreign_answers"):
    """Before each answer to a signature request goes a copy of it under an id that nobody asked under."""


class Unhealthy(Governed, frozen=True, kw_only=True, tag="unhealthy"):
    """Health answers UNHEALTHY."""


AnyFault = (
    Latency
    | Error
    | Refuse
    | Hang
    | Drop
    | Malformed
    | Stale
    | ClockSkew
    | Reorg
    | WrongSignature
    | Equivocate
    | RefuseRegistration
    | RefuseToken
    | IgnoreHeartbeats
    | RefuseSigning
    | IgnoreSigning
    | ShortSignatures
    | ReverseAnswers
    | ForeignAnswers
    | Unhealthy
)

KINDS: Mapping[str, type[Fault]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(AnyFault)
}
"""Every kind by its word."""


def read(value: object) -> AnyFault:
    """A fault of JSON values; raises BadFault, which names the kind and the field."""
    if not isinstance(value, dict):
        raise BadFault(f'a fault is an object like {{"kind": "latency", "ms": 500}}, not {value!r}')
    word = value.get("kind")
    if not isinstance(word, str) or word not in KINDS:
        raise BadFault(_no_kind(word))
    try:
        found: AnyFault = msgspec.convert(value, KINDS[word])  # type: ignore[assignment]  # KINDS has the kinds of the union
    except msgspec.ValidationError as error:
        raise BadFault(f"the fault {word}: {error}{_fields(str(error), KINDS[word])}") from None
    return found


def plain(fault: Fault) -> dict[str, Any]:
    """The fault as JSON values, without the fields that are as they are when nobody sets them."""
    given: dict[str, Any] = msgspec.to_builtins(fault)
    for field in msgspec.structs.fields(type(fault)):
        if getattr(fault, field.name) == field.default:
            del given[field.encode_name]
    return given


def _no_kind(word: object) -> str:
    near = difflib.get_close_matches(word, KINDS, n=1) if isinstance(word, str) else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    told = "a fault without a kind" if word is None else f"no fault of kind {word!r}"
    return f"{told}{hint} (kinds: {', '.join(KINDS)})"


def _fields(error: str, kind: type[Fault]) -> str:
    """The fields that there are, where the error is about one that there is not."""
    if "unknown field" not in error:
        return ""
    names = [field.encode_name for field in msgspec.structs.fields(kind)]
    return f" (fields: {', '.join(names) or 'none'})"
