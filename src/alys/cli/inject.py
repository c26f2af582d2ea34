"""``alys inject``: tell a running service to misbehave, and see what that touched."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alys.base import errors
from alys.cli import words

if TYPE_CHECKING:
    from alys.base.faults import AnyFault
    from alys.base.misbehaviour import Noted
    from alys.shells.fault_orders import Target

ADMIN_URL = "http://127.0.0.1:9101"

_FIGURES: dict[str, tuple[str, type, str, str]] = {
    "--ms": ("ms", float, "MS", "latency: how late each answer is"),
    "--jitter-ms": ("jitter_ms", float, "MS", "latency: up to so much more, drawn for each call"),
    "--code": ("code", str, "CODE", "error: a number; for governance the name of a gRPC status"),
    "--message": ("message", str, "TEXT", "error: its words"),
    "--after-bytes": ("after_bytes", int, "N", "drop: after so many bytes of the answer"),
    "--form": ("form", str, "FORM", "malformed: text, truncated or empty"),
    "--seconds": ("seconds", float, "S", "clock_skew: how much the clock is wrong"),
    "--depth": ("depth", int, "N", "reorg: how many blocks are replaced"),
    "--times": ("times", int, "N", "it bites so often and ends"),
    "--duration": (
        "duration_s",
        float,
        "S",
        "it ends after so many seconds of the service's clock",
    ),
    "--rate": ("rate", float, "0..1", "the share of chances that it takes"),
}
"""Flags that fill one field: the field, what reads the text, how the help shows it."""


def add(commands: "words.Commands") -> None:
    """Say what the command takes."""
    inject = commands.add_parser(
        "inject",
        help="let a running service misbehave: latency, errors, silence, lies, reorganisations",
        description="Tell a running service to misbehave, and see what that touched. WHAT is a kind of fault, or list, clear or "
        "remove ID. The admin port's token is ADMIN_TOKEN. Exit code 2: no such fault; 3: no such service; 4: it touched nothing.",
        allow_abbrev=False,
    )
    inject.add_argument("service", metavar="SERVICE", help="bitcoin, ethereum or governance")
    inject.add_argument("what", metavar="WHAT", help="a kind of fault; list, clear or remove")
    inject.add_argument("id", metavar="ID", nargs="?", type=int, help="of the fault to remove")
    inject.add_argument(
        "--calls", metavar="NAME,...", action="append", help="which calls: names or patterns, eth_*"
    )
    for flag, (field, read, metavar, text) in _FIGURES.items():
        inject.add_argument(flag, dest=field, type=read, metavar=metavar, help=text)
    inject.add_argument(
        "--empty", action="store_true", default=None, help="bitcoin reorg: without transactions"
    )
    inject.add_argument(
        "--wait-bite", metavar="S", type=float, help="wait until it has touched something"
    )
    inject.add_argument(
        "--admin-url", metavar="URL", default=ADMIN_URL, help=f"the admin port; {ADMIN_URL}"
    )
    inject.add_argument("-o", dest="output", choices=("text", "json"), default="text")


def run(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Do it and print how the faults stand."""
    target = _target(arguments, environment)
    found = _done(arguments, target)
    from alys.report import faults

    show = faults.json if arguments.output == "json" else faults.text
    words.out(show(arguments.service, found))
    return int(errors.ExitCode.PASS)


def _done(arguments: argparse.Namespace, target: "Target") -> "tuple[Noted, ...]":
    from alys.shells import fault_orders

    given = _given(arguments)
    what = arguments.what
    if what in ("list", "clear", "remove"):
        if given or arguments.wait_bite is not None:
            raise errors.UsageError(f"{what} takes no figures of a fault")
        if (arguments.id is None) == (what == "remove"):
            raise errors.UsageError("an id goes with remove, and only there: remove ID")
        if what == "remove":
            return fault_orders.removed(target, arguments.id)
        return fault_orders.listed(target) if what == "list" else fault_orders.cleared(target)
    if arguments.id is not None:
        raise errors.UsageError("an id goes with remove, and only there: remove ID")
    fault = _fault(what, given)
    return fault_orders.inject(target, fault, arguments.wait_bite)


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The fields that were typed."""
    fields = [field for field, *_ in _FIGURES.values()] + ["empty"]
    given = {field: getattr(arguments, field) for field in fields}
    if arguments.calls is not None:
        given["calls"] = [name for listed in arguments.calls for name in listed.split(",") if name]
    return {field: value for field, value in given.items() if value is not None}


def _fault(kind: str, given: dict[str, Any]) -> "AnyFault":
    from alys.base import faults

    code = given.get("code")
    if isinstance(code, str) and code.lstrip("-").isdecimal():
        given["code"] = int(code)
    return faults.read({"kind": kind, **given})


def _target(arguments: argparse.Namespace, environment: Mapping[str, str]) -> "Target":
    """Raises UsageError for a service or an address that cannot be, or a token that lacks."""
    from alys.base import faults
    from alys.config import services
    from alys.shells.fault_orders import Target

    name, url = arguments.service, arguments.admin_url
    if name not in faults.SERVICES:
        raise errors.UsageError(
            f"there is no service {name!r} (services: {', '.join(faults.SERVICES)})"
        )
    host = urlsplit(url).hostname
    if urlsplit(url).scheme not in ("http", "https") or not host:
        raise errors.UsageError(f"--admin-url {url!r} is none: {ADMIN_URL} is one")
    token = services.secret("ADMIN_TOKEN", environment, host).reveal().decode()
    return Target(service=name, url=url, token=token)
