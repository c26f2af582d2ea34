"""The trap for nondeterminism: while it is armed, code of ours that asks the machine for time or chance fails.

What is trapped, and for whom. Clocks and sources of chance: when the *calling* code is ours (the package, or a scenario's or
a test's file); libraries may use them, since what they do with it (a log's time stamp, blinding of a signature's
arithmetic) does not reach the run. Threads, sockets and processes: for everybody, as nothing in a step has a use for them.

What it cannot catch: a function that was taken out of its module by ``from time import time`` before the trap was armed,
``datetime.now`` (its class is closed; the linter bans it), hash order and ``id()`` (found by running twice with two hash
seeds, see the tests of the trace), a generator of the ``random`` module made without a seed, threads that run already.
"""

import os
import random
import secrets
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from alys.base.errors import AlysBug

CLOCKS = (
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
    "process_time_ns", "thread_time", "thread_time_ns", "sleep",
)  # fmt: skip
SECRETS = ("choice", "randbelow", "randbits", "token_bytes", "token_hex", "token_urlsafe")

_PATHS = sysconfig.get_paths()
_LIBRARIES = tuple(
    sorted({_PATHS[key] + os.sep for key in ("stdlib", "platstdlib", "purelib", "platlib")})
)


class Nondeterminism(AlysBug):
    """A simulated step asked the machine for something that no seed decides."""

    def __init__(self, call: str, module: str, place: str, instead: str) -> None:
        super().__init__(f"{call} in a simulated step, called by {module} ({place}): {instead}")
        self.call = call
        self.module = module
        self.place = place


class Trap:
    """A context manager that may be entered again while it is armed.

    The first violation is kept in ``violation``: whoever runs the steps ends the run with it, also when the code that
    committed it swallowed the error.
    """

    def __init__(self) -> None:
        self.violation: Nondeterminism | None = None
        self._depth = 0
        self._thread = 0
        self._saved: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> "Trap":
        self._depth += 1
        if self._depth == 1:
            self._thread = threading.get_ident()
            for owner, name, label, everybody, instead in _targets():
                original = getattr(owner, name)
                self._saved.append((owner, name, original))
                setattr(owner, name, self._guard(original, label, everybody, instead))
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            for owner, name, original in reversed(self._saved):
                setattr(owner, name, original)
            self._saved.clear()

    def check(self) -> None:
        """Raise the first violation, if there was one."""
        if self.violation is not None:
            raise self.violation

    def _guard(
        self, original: Callable[..., Any], label: str, everybody: bool, instead: str
    ) -> Callable[..., Any]:
        def guarded(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1)
            if threading.get_ident() == self._thread and (everybody or is_ours(caller)):
                module = caller.f_globals.get("__name__", "?")
                place = f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno}"
                error = Nondeterminism(label, module, place, instead)
                self.violation = self.violation or error
                raise error
            return original(*args, **kwargs)

        return guarded


def is_ours(frame: FrameType) -> bool:
    """Whether code of ours runs in the frame: the package, or a file outside Python's own and installed libraries."""
    module = frame.f_globals.get("__name__", "")
    if module == "alys" or module.startswith("alys."):
        return True
    file = frame.f_code.co_filename
    return not file.startswith((*_LIBRARIES, "<"))


def _targets() -> Iterator[tuple[Any, str, str, bool, str]]:
    """Owner, attribute, its name for people, whether everybody is trapped, and what to use instead."""
    for name in CLOCKS:
        yield time, name, f"time.{name}()", False, "ask the context (ctx.now, ctx.after)"
    chance = "use the Random that is passed in"
    for name in _module_functions(random):
        yield random, name, f"random.{name}()", False, chance
    for name in SECRETS:
        yield secrets, name, f"secrets.{name}()", False, chance
    yield os, "urandom", "os.urandom()", False, chance
    for name in ("uuid1", "uuid4"):
        yield uuid, name, f"uuid.{name}()", False, "make ids from counters"
    outside = "only gateways in the shells touch these"
    yield threading.Thread, "start", "threading.Thread.start()", True, outside
    yield socket.socket, "__init__", "socket.socket()", True, outside
    yield subprocess.Popen, "__init__", "subprocess.Popen()", True, outside


def _module_functions(module: Any) -> list[str]:
    """The functions of ``random`` that use its hidden generator."""
    return [
        name
        for name, value in sorted(vars(module).items())
        if not name.startswith("_") and isinstance(getattr(value, "__self__", None), random.Random)
    ]
