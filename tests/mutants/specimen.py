"""Code of every kind that a bug may be planted in."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from typing_extensions import override

from alys.actors.actor import Actor
from alys.actors.context import Context
from alys.actors.message import Request

LIMIT = 3


def plain(number: int) -> str:
    """Say what a number is like."""
    if number < 0:
        return "negative"
    if number == 0:
        return "nothing"
    try:
        kind = 1 // (number - 7)
    except ZeroDivisionError:
        kind = 7
    match kind:
        case 7:
            said = "seven"
        case _:
            said = "number"
    return said


@functools.lru_cache
def remembered(number: int) -> int:
    """Twice the number."""
    return number * 2


@contextmanager
def lent(number: int) -> Iterator[int]:
    """Lend a number."""
    yield number + 1


def closed_over(factor: int, addend: int) -> Callable[[int], int]:
    """A function with a closure."""

    def inner(number: int) -> int:
        return number * factor + addend

    return inner


class Base:
    """Has a name and a private thing."""

    def __init__(self) -> None:
        self.__private = "private"

    def name(self) -> str:
        """Its name."""
        return "base"

    def private(self) -> str:
        """What is private."""
        return self.__private

    @property
    def size(self) -> int:
        """How big."""
        return 1

    @classmethod
    def made(cls) -> "Base":
        """One."""
        return cls()

    @staticmethod
    def static() -> str:
        """Nothing of itself."""
        return "static"

    async def waits(self) -> str:
        """Does not really wait."""
        return "waited"


class Heir(Base):
    """Calls its base."""

    @override
    def name(self) -> str:
        """Its name and its base's."""
        inherited = super().name()
        return "heir of " + inherited


class Checked(msgspec.Struct):
    """Validates itself."""

    number: int

    def __post_init__(self) -> None:
        """Raises ValueError for negative numbers."""
        if self.number < 0:
            raise ValueError(self.number)


class Size(Request[int], frozen=True, kw_only=True):
    """How big are you?"""


class Sized(Actor):
    """Says how big it is."""

    def on_size(self, message: Size, ctx: Context) -> Any:
        """Its size."""
        return 1
