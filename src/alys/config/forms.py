"""Texts with a form: durations, URLs and names in a cluster. What they look like, what they mean, and how to say so.

A setting names its form in its type (``Meta(extra={"form": "seconds"})``); ``schema`` looks it up in ``FORMS``. The document
writes one and the same duration as ``300``, as ``"300s"`` and as a variable ``300s``: all three are 300 seconds here.
"""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d+)(ms|[smhdw])")
_DURATION = re.compile(r"(\d+(ms|[smhdw]))+")
_PASSWORD = re.compile(r"""(://[^/\s:@]*):[^/\s,"']*@""")


class Form(NamedTuple):
    """How a text is read; ``read`` raises ValueError for one that has another form."""

    words: str
    read: Callable[[object], object]


def seconds(text: str) -> float:
    """The length of a duration such as ``15s``, ``1d`` or ``1h30m``; raises ValueError for anything else."""
    if not _DURATION.fullmatch(text):
        raise ValueError(text)
    return sum(int(count) * _UNITS_S[unit] for count, unit in _PART.findall(text))


def whole_seconds(value: object) -> object:
    """``300``, ``"300"``, ``"300s"`` or ``"5m"`` as 300; what is no text goes on as it is, to be checked as a number."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.isdecimal():
        return int(text)
    length = seconds(text)
    if length != int(length):
        raise ValueError(text)
    return int(length)


def duration(value: object) -> object:
    """A duration that stays text, because Prometheus wants it so; none of them is zero."""
    if not isinstance(value, str) or seconds(value.strip()) <= 0:
        raise ValueError(value)
    return value.strip()


def url(value: object) -> object:
    """An address of a service over HTTP (gRPC endpoints are written like that too), or nothing."""
    if not isinstance(value, str):
        raise ValueError(value)
    text = value.strip()
    if not text:
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(text)
    if re.search(r"[\s,\"']", text):
        raise ValueError(text)
    return text


def label(value: object) -> object:
    """A name that Kubernetes takes for a namespace (RFC 1123)."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", value):
        raise ValueError(value)
    return value


def without_password(text: str) -> str:
    """The same text for people's eyes: URLs in it lose their passwords."""
    return _PASSWORD.sub(r"\1:***@", text)


def _any_text(value: object) -> object:
    return value


FORMS = {
    "seconds": Form('seconds, as 300, "300s" or "5m"', whole_seconds),
    "duration": Form('a duration such as "15s", "1h30m" or "1d"', duration),
    "directives": Form(
        "error, warn, info, debug, trace, off; per module: info,alys.node=debug", _any_text
    ),
    "label": Form("text of a-z, 0-9 and -, at most 63", label),
    "url": Form('a URL such as "http://host:18332"', url),
}
"""By the name that types use. Log directives are read by ``loglevels``, which can say more than yes or no."""
