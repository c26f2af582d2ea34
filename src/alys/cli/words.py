"""What commands share: the parser of words, standard output and error, and SIGTERM."""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn, TextIO

from typing_extensions import override

from alys.base import errors

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]

TELL_SECONDS = 10.0
"""Between two lines of progress; a terminal has one line that changes."""
TERMINAL_SECONDS = 0.5


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing its usage as well."""

    @override
    def error(self, message: str) -> NoReturn:
        raise errors.UsageError(f"{message} (see {self.prog} --help)")


def out(text: str) -> None:
    """To standard output. A reader that has gone away changes nothing about the verdict."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer must go somewhere when Python flushes it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def err(text: str) -> None:
    """One line to standard error."""
    line(text, sys.stderr)


def line(text: str, stream: TextIO) -> None:
    """One line to a stream, at once; its reader may be gone."""
    with contextlib.suppress(BrokenPipeError):
        print(text, file=stream, flush=True)


def port(flag: str, text: str) -> int:
    """A port, 0 included; raises UsageError that names the flag."""
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise errors.UsageError(f"{flag} {text!r} cannot stand; allowed: a port, 0 to 65535")
    return int(text)


class terminated_like_interrupted:
    """While inside, SIGTERM does what Ctrl-C does: worlds close, results are written, exit code 130."""

    def __init__(self) -> None:
        self._before: Callable[..., object] | int | None = None

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGTERM, _interrupt)

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)


class asked_to_stop:
    """While inside, the first Ctrl-C or SIGTERM is a wish, for who asks; a second one interrupts."""

    def __init__(self) -> None:
        self._before: dict[int, Callable[..., object] | int | None] = {}
        self._asked = False

    def __enter__(self) -> "asked_to_stop":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __call__(self) -> bool:
        """Whether it was asked for."""
        return self._asked

    def _ask(self, number: int, frame: object) -> None:
        if self._asked:
            _interrupt(number, frame)
        self._asked = True

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nobody reads what actors log in a thousand lives; their traces have it all."""
    import logging

    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)


class ChangingLine:
    """Progress on standard error: one line that changes on a terminal, elsewhere a line now and then."""

    def __init__(self, first: str) -> None:
        """``first`` is said at once."""
        err(first)
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + (0.0 if self._terminal else TELL_SECONDS)
        self._open = False

    def __enter__(self) -> "ChangingLine":
        return self

    def change(self, said: Callable[[], str]) -> None:
        """When it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (TERMINAL_SECONDS if self._terminal else TELL_SECONDS)
        if not self._terminal:
            err(f"alys: {said()}")
            return
        width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
        sys.stderr.write(f"\r\x1b[K{said()[:width]}")
        sys.stderr.flush()
        self._open = True

    def keep(self, said: str) -> None:
        """A line that stays."""
        self._clear()
        err(f"alys: {said}")

    def __exit__(self, *_: object) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._open:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._open = False
