"""Governance nodes that nobody asks past their streams."""


class Nobody:
    """Stands where a world has the governance nodes' admin interface, and has none."""

    async def state(self, index: int) -> object:
        """There is none."""
        raise NotImplementedError

    async def faults(self, index: int, **switches: bool) -> object:
        """There is none."""
        raise NotImplementedError

    async def health(self, index: int) -> object:
        """There is none."""
        raise NotImplementedError

    async def capabilities(self, index: int) -> object:
        """There is none."""
        raise NotImplementedError

    async def stop(self, index: int) -> None:
        """There is none."""
        raise NotImplementedError

    async def start(self, index: int) -> None:
        """There is none."""
        raise NotImplementedError
