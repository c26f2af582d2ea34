"""The figures by which Bridge works, in one table. Seconds are node seconds, blocks are Bitcoin's.

Where the field names a figure it is taken (signatures 300 s, operations 3600 s, three retries); the waits between retries are
shorter at first and grow, as most of what fails is back within a minute.
"""

import msgspec


class BridgePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Waits, limits and how often something is tried."""

    poll_seconds: float = 1.0
    """Between two looks at the Bitcoin chain."""
    blocks_per_poll_max: int = 200
    hashes_kept: int = 100
    """How deep a reorganisation of Bitcoin is noticed."""
    gone_after_blocks: int = 100
    """Without a trace of it an orphaned deposit is given up; should it be mined after all it counts again."""
    signature_timeout_seconds: float = 300.0
    """Before signatures that nobody answered for are asked for again."""
    retry_seconds: tuple[float, ...] = (5.0, 15.0, 45.0)
    """Before each further attempt at what failed: signatures that fell short, a broadcast that was refused."""
    retry_slowly_seconds: float = 60.0
    """Before each attempt after those; by then it is an incident."""
    resend_seconds: float = 10.0
    """A payout that no block has is sent to Bitcoin again so often: it may have dropped out of the mempool."""
    operation_timeout_seconds: float = 3600.0
    """An operation that is our turn to carry on for longer is an incident."""
    bump_after_blocks: int = 6
    """A payout that so many blocks left out is to be replaced at a higher fee rate."""
    search_blocks_max: int = 2_016
    """How far back a payout is looked for that Bitcoin had before this node knew of it."""
    settled_told_blocks: int = 2_016
    """So long Chain is told that a payout is settled; two weeks should do for a block of ours."""

    def wait(self, failures: int) -> float:
        """Seconds before the attempt that follows so many failures (one or more)."""
        if failures <= len(self.retry_seconds):
            return self.retry_seconds[failures - 1]
        return self.retry_slowly_seconds

    def exhausted(self, failures: int) -> bool:
        """Whether it has failed so often that somebody should look."""
        return failures > len(self.retry_seconds)
