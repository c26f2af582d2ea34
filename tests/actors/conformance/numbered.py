"""Numbered messages of every lane, and what a receiver notes of one."""

from typing import Any, NamedTuple

from alys.actors.context import Context
from alys.actors.message import Message, Priority

ROOM = 1_000_000


class Number(Message, frozen=True, kw_only=True):
    """One of a sequence."""

    number: int


class UrgentNumber(Number, frozen=True, kw_only=True):
    """One that overtakes."""

    priority = Priority.HIGH


class LazyNumber(Number, frozen=True, kw_only=True):
    """One that lets others pass."""

    priority = Priority.LOW


class IdleNumber(Number, frozen=True, kw_only=True):
    """The lowest lane."""

    priority = Priority.BACKGROUND


class CriticalNumber(Number, frozen=True, kw_only=True):
    """Above the urgent ones."""

    priority = Priority.CRITICAL


class AlarmNumber(Number, frozen=True, kw_only=True):
    """The highest lane."""

    priority = Priority.EMERGENCY


KINDS = (IdleNumber, LazyNumber, Number, UrgentNumber, CriticalNumber, AlarmNumber)


class Heard(NamedTuple):
    """One message as the receiver saw it, or as the sender meant it."""

    sender: str
    lane: Priority
    number: int
    about: str | None


def seen(message: Any, ctx: Context) -> Heard:
    """What it looks like to the handler that has it."""
    sender = ctx.sender
    assert sender is not None
    return Heard(sender.name, message.priority, message.number, ctx.correlation)
