"""What keeps a node from producing, and how it says so.

Producing needs: nobody has paused it; the node is as far as the others (``SyncState``); the members of the federation that can be
reached are enough (``FederationHealth``); and nothing is in the way of the block itself (an AuxPoW that is due, an execution client that
builds nothing, approvals that do not come), which is found out by trying, so trying goes on.
"""

import msgspec

from alys.node import messages

ACTIVE, PAUSED, HALTED = "active", "paused", "halted"
UNKNOWN = 2**63
"""Blocks behind, before anybody has said how far the chain is."""


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's order; stored, so that it outlives a restart."""

    reason: str
    until: float | None = None
    """Node time at which it ends by itself; None: by another order."""


class Gate:
    """Belongs to one Chain actor."""

    def __init__(self, *, synced: bool) -> None:
        """``synced``: whether the node may produce before anybody says how far it is."""
        self.pause: Pause | None = None
        self._synced = "" if synced else "not synced: nobody has said yet how far the chain is"
        self._behind = 0 if synced else UNKNOWN
        self._health = ""
        #: Why the last attempt made no block of the chain; empty: nothing known.
        self._trouble = ""

    def hear_sync(self, state: messages.SyncState) -> None:
        """How far we are."""
        self._behind = state.best_height - state.own_height
        self._synced = (
            "" if state.synced else f"not synced: height {state.own_height} of {state.best_height}"
        )

    def hear_health(self, health: messages.FederationHealth) -> None:
        """How many members can be reached."""
        self._health = (
            ""
            if health.reachable >= health.needed
            else f"federation unhealthy: {health.reachable} of {health.needed} members needed"
        )

    @property
    def syncing(self) -> bool:
        """Whether others are further on by more than the block that is under way, or nobody knows yet: no time to give miners work."""
        return bool(self._synced) and self._behind > 1

    def closed(self, now: float) -> bool:
        """Whether not even an attempt is to be made."""
        return self.condition(now)[0] == PAUSED or bool(self._synced or self._health)

    def tried(self, trouble: str) -> bool:
        """Note what came of an attempt, empty for nothing in the way; whether that is news."""
        news, self._trouble = trouble != self._trouble, trouble
        return news

    def condition(self, now: float) -> tuple[str, str]:
        """``active``, ``paused`` or ``halted``, and why."""
        if self.pause is not None and (self.pause.until is None or now < self.pause.until):
            return PAUSED, self.pause.reason
        reason = self._synced or self._health or self._trouble
        return (HALTED, reason) if reason else (ACTIVE, "")
