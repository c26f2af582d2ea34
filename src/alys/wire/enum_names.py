"""What a value of a proto enum is called. Enums of proto3 are open: a newer peer may send a number that has no name here."""

from typing import Any, Protocol


class Enum(Protocol):
    """An enum of generated code."""

    def items(self) -> list[tuple[str, Any]]:
        """Its names and numbers."""
        ...


def enum_name(kind: Enum, number: int) -> str:
    """The proto's name of a value, and for one that the proto does not have its number."""
    for name, value in kind.items():
        if value == number:
            return name
    return str(number)
