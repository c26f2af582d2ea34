"""A turn at the chains: waited for, kept by a thread that renews it, and given back."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping

from typing_extensions import override

from alys.base.turns import NoTurn, TurnLost, Turns
from alys.config.settings import Settings
from alys.shells import lease
from alys.worlds import addresses

RENEW_SECONDS = 5.0
LOG = logging.getLogger("alys.turns")


def lease_of(settings: Settings, environment: Mapping[str, str]) -> Turns | None:
    """The lease of the chains that these settings lead to; None for worlds that have chains of their own.

    In a pod it is the Lease of its namespace, elsewhere the lock file of this machine. Raises EnvironmentFailure for a pod that cannot
    speak to its API server.
    """
    given = settings.mock_services
    if settings.world.kind == "local" and given.elsewhere:
        urls = given.engine_api_url, addresses.without_user(given.bitcoin_rpc_url)
        return lease.EveryTurn(lease.path_of(url) for url in urls if url)
    if settings.world.kind != "remote":
        return None
    if not environment.get("KUBERNETES_SERVICE_HOST"):
        return lease.FileTurns(lease.path_of(given.engine_api_url))
    from alys.kube import client, clock
    from alys.kube import lease as cluster_lease

    cluster = client.connect(environment, ticks=clock.MachineClock())
    return cluster_lease.ClusterLease(cluster)


def holder_of(what: str) -> str:
    """A name for whoever drives the chains: what it is, its process and its machine (in a cluster, its pod)."""
    return f"{what} {os.getpid()}@{socket.gethostname()}"


class Turn:
    """A lease that is held until ``close``. Used by one thread; renewing is done by another of its own."""

    def __init__(self, turns: Turns, holder: str) -> None:
        self.holder = holder
        self.lost: TurnLost | None = None
        """Set when the lease went to somebody else: do not touch the chains any more."""
        self._turns = turns
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._renewing: threading.Thread | None = None

    def take(self, patience_s: float, stopwatch: Callable[[], float] = time.monotonic) -> None:
        """Wait for the lease, saying who has it whenever that changes. Raises NoTurn after ``patience_s`` of wall time."""
        began, told = stopwatch(), ""

        def waiting(holder: str) -> None:
            nonlocal told
            if holder != told:
                LOG.warning("%s waits for its turn: %s drives the chains", self.holder, holder)
                told = holder
            if stopwatch() - began >= patience_s:
                raise NoTurn(
                    f"no turn within {patience_s:g} s: {holder} still drives the chains; "
                    "wait for it, or raise world.turn_timeout"
                )

        self._turns.acquire(self.holder, waiting)
        self._renewing = threading.Thread(target=self._keep, name="alys-turn", daemon=True)
        self._renewing.start()

    def _keep(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            try:
                with self._lock:
                    if not self._ended.is_set():
                        self._turns.renew()
            except TurnLost as error:
                self.lost = error
                return

    def wanted(self) -> str:
        """Who waits for it; "" if nobody does."""
        with self._lock:
            return self._turns.wanted()

    def close(self) -> None:
        """Give it back; calling it again does nothing."""
        self._ended.set()
        if self._renewing is not None:
            self._renewing.join()
            self._renewing = None
            self._turns.release()

    def __enter__(self) -> "Turn":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @override
    def __str__(self) -> str:
        return self.holder
