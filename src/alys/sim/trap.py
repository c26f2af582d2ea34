"""The trap for nondeterminism: while it is armed, code of ours that asks the machine for time or chance fails.

What is trapped, and for whom. Clocks and sources of chance: when the *calling* code is ours (the package, or a scenario's or
a test's file); libraries may use them, since what they do with it (a log's time stamp, blinding of a signature's
arithmetic) does not reach the run. Threads, sockets, processes and event loops: for everybody, as nothing in a step has a use for
them; what is named then is the place in our code from which the library was called.

What it cannot catch: a function that was taken out of its module by ``from time import time`` before the trap was armed,
``datetime.now`` (its class is closed; the linter bans it), hash order and ``id()`` (found by running twice with two hash
seeds, see the tests of the trace), threads and loops that run already.
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
from typing import Any, NamedTuple

from alys.base.errors import AlysBug

CLOCKS = (
    "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
    "process_time_ns", "thread_time", "thread_time_ns", "sleep",
)  # fmt: skip
OUTSIDE = "only gateways in the shells touch these"
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
        #: What stood there when the guard was made, and the guard, in the order of the targets: a run enters often.
        self._guards: list[tuple[Any, Any]] = []

    def __enter__(self) -> "Trap":
        self._depth += 1
        if self._depth == 1:
            self._thread = threading.get_ident()
            for number, target in enumerate((*TARGETS, *_loops())):
                original = getattr(target.owner, target.name)
                if number == len(self._guards):
                    self._guards.append((original, self._guard(original, target)))
                elif self._guards[number][0] is not original:  # somebody has replaced it since
                    self._guards[number] = (original, self._guard(original, target))
                self._saved.append((target.owner, target.name, original))
                setattr(target.owner, target.name, self._guards[number][1])
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

    def _guard(self, original: Callable[..., Any], target: "Target") -> Callable[..., Any]:
        thread_of_caller, watched = threading.get_ident, target.when

        def guarded(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1)
            if (
                thread_of_caller() == self._thread
                and (target.everybody or is_ours(caller))
                and (watched is None or watched(args, kwargs))
            ):
                frame = _ours_above(caller) if target.everybody else caller
                module = frame.f_globals.get("__name__", "?")
                place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                error = Nondeterminism(target.label, module, place, target.instead)
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


def _ours_above(caller: FrameType) -> FrameType:
    """The nearest frame of ours that led to the call; the caller itself where there is none."""
    frame: FrameType | None = caller
    while frame is not None:
        if is_ours(frame):
            return frame
        frame = frame.f_back
    return caller


class Target(NamedTuple):
    """One function that is trapped."""

    owner: Any
    name: str
    label: str
    """For people."""
    instead: str
    everybody: bool = False
    """Libraries too."""
    when: Callable[[tuple[Any, ...], dict[str, Any]], bool] | None = None
    """Which calls are meant, by their arguments; None: all."""


def _without_a_moment(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """``time.gmtime()`` asks the clock, ``time.gmtime(0)`` does not."""
    return not kwargs and (not args or args[0] is None)


def _without_a_seed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """``args`` begins with the generator itself. ``SystemRandom`` has no use for a seed."""
    return isinstance(args[0], random.SystemRandom) or _without_a_moment(
        args[1:], {name: value for name, value in kwargs.items() if value is not None}
    )


def _targets() -> Iterator[Target]:
    clock = "ask the context (ctx.now, ctx.after)"
    for name in CLOCKS:
        yield Target(time, name, f"time.{name}()", clock)
    for name in ("gmtime", "localtime", "ctime"):
        yield Target(time, name, f"time.{name}()", clock, when=_without_a_moment)
    chance = "use the Random that is passed in"
    for name in _module_functions(random):
        yield Target(random, name, f"random.{name}()", chance)
    yield Target(random.Random, "__init__", "random.Random()", chance, when=_without_a_seed)
    for name in SECRETS:
        yield Target(secrets, name, f"secrets.{name}()", chance)
    yield Target(os, "urandom", "os.urandom()", chance)
    for name in ("uuid1", "uuid4"):
        yield Target(uuid, name, f"uuid.{name}()", "make ids from counters")
    for name in ("getpid", "getppid"):
        yield Target(os, name, f"os.{name}()", "make ids from counters")
    yield Target(threading.Thread, "start", "threading.Thread.start()", OUTSIDE, everybody=True)
    yield Target(socket.socket, "__init__", "socket.socket()", OUTSIDE, everybody=True)
    yield Target(subprocess.Popen, "__init__", "subprocess.Popen()", OUTSIDE, everybody=True)


def _loops() -> Iterator[Target]:
    """Where event loops come from. While asyncio is not loaded, a loop's own socket is what is caught."""
    for module in ("asyncio", "asyncio.events"):
        if (loops := sys.modules.get(module)) is not None:
            label = "asyncio.new_event_loop()"
            yield Target(loops, "new_event_loop", label, OUTSIDE, everybody=True)


def _module_functions(module: Any) -> list[str]:
    """The functions of ``random`` that use its hidden generator."""
    return [
        name
        for name, value in sorted(vars(module).items())
        if not name.startswith("_") and isinstance(getattr(value, "__self__", None), random.Random)
    ]


TARGETS = tuple(_targets())
