"""A small area of keys and values that outlives the process where the node has a data directory; a wallet lives there.

Whoever writes here does so within a call; the journal takes the changes with the call's other effects.
"""


class Kept:
    """Bytes by name. ``changed`` has the names written or removed since the journal looked last."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.changed: set[str] = set()

    def get(self, name: str) -> bytes | None:
        """A value, None when there is none."""
        return self.values.get(name)

    def put(self, name: str, value: bytes) -> None:
        """Write a value."""
        if self.values.get(name) != value:
            self.values[name] = value
            self.changed.add(name)

    def remove(self, name: str) -> None:
        """Remove a value, if there is one."""
        if self.values.pop(name, None) is not None:
            self.changed.add(name)

    def under(self, prefix: str) -> dict[str, bytes]:
        """All values whose names begin so, by name in order."""
        return {name: self.values[name] for name in sorted(self.values) if name.startswith(prefix)}
