"""How long blocks take, in wall time, from what the chain actors of a system are given and what they say.

Nothing in the node knows of a clock but its world's, which may run faster than the wall's; so it is watched from outside. One
chain actor handles one message at a time, waits included, so whatever it says belongs to the message that it took up last:

production  from the message that began a slot until the proposed block is handed to Network
validation  from a proposed block until the approval of it is handed to Network
import      from the message that completed a quorum (for who approves and thereby completes it: from the own approval) until
            Bridge is told; co-signers have no bridge and are not counted
"""

import time
from collections.abc import Callable

from typing_extensions import override

from alys.actors.envelope import Envelope
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.monitoring import catalogue
from alys.monitoring.catalogue import Family
from alys.monitoring.samples import Histogram, Sample
from alys.node import gossip, messages

FAMILIES = (catalogue.BLOCK_PRODUCTION, catalogue.BLOCK_VALIDATION, catalogue.BLOCK_IMPORT)
CHAIN = "/consensus/chain"
"""How the path of a chain actor ends."""


class BlockTimes(Observer):
    """Hears every message of the system that it is given to."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._histograms = {family: Histogram(family) for family in FAMILIES}
        self._clock = clock
        #: By chain actor: when it took up its message, or approved a block since.
        self._since: dict[str, float] = {}

    def samples(self) -> list[Sample]:
        """All that was observed so far."""
        return [histogram.sample() for histogram in self._histograms.values()]

    def took(self, family: Family, seconds: float) -> None:
        """One observation; to be overridden by whoever wants each."""
        self._histograms[family].observe(seconds)

    @override
    def handling(self, envelope: Envelope, target: Ref) -> None:
        if target.path.endswith(CHAIN):
            self._since[target.path] = self._clock()

    @override
    def sent(self, envelope: Envelope, target: Ref) -> None:
        match envelope.message:
            case messages.Publish(item=item) | messages.SendTo(item=item):
                self._said(item, envelope.sender)
            case messages.BlockImported():
                self._measure(catalogue.BLOCK_IMPORT, envelope.sender)
            case _:
                pass

    def _said(self, item: gossip.Item, chain: Ref) -> None:
        match item:
            case gossip.ProposedBlock():
                self._measure(catalogue.BLOCK_PRODUCTION, chain)
            case gossip.Approval():
                self._measure(catalogue.BLOCK_VALIDATION, chain)
            case _:
                pass

    def _measure(self, family: Family, chain: Ref) -> None:
        since = self._since.get(chain.path)
        if since is not None:
            now = self._clock()
            self.took(family, now - since)
            self._since[chain.path] = now
