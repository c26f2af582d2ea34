"""Stands where a world would have the governance nodes' admin ports, and has none: who asks hears what brings them."""

from alys.worlds.nodes import refuse

WANTS = "governance nodes that the run began a session with: these are somebody else's, or there are none"


class Nobody:
    """See the module's docstring; every verb raises UsageError."""

    async def state(self, index: int) -> object:
        """See the class."""
        refuse("governance.state", WANTS)

    async def faults(self, index: int, **switches: bool) -> object:
        """See the class."""
        refuse("governance.faults", WANTS)

    async def health(self, index: int) -> object:
        """See the class."""
        refuse("governance.health", WANTS)

    async def capabilities(self, index: int) -> object:
        """See the class."""
        refuse("governance.capabilities", WANTS)

    async def push(self, index: int, verb: str, **fields: object) -> object:
        """See the class."""
        refuse("governance.push", WANTS)

    async def stop(self, index: int) -> None:
        """See the class."""
        refuse("governance.stop", WANTS)

    async def start(self, index: int) -> None:
        """See the class."""
        refuse("governance.start", WANTS)
