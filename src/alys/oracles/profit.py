"""Nobody gains by the peg, whatever happens in which order: who has more in the end than came to him was given somebody else's money.

A person is whoever holds some accounts on the sidechain and some addresses on Bitcoin. What came to a person are the deposits that were
made for an account of his and what others paid him; what he paid to others, and what he burnt and was not paid out, is gone. Fees make
everybody poorer, so there is a limit above and none below. Judge when nothing is under way any more.
"""

from alys.oracles.broken import Broken

ORACLE = "profit"

SAT_WEI = 10_000_000_000


class Profit:
    """Feed it with what people did, then with what they have; it raises Broken. ``samples`` counts the people that were judged."""

    def __init__(self) -> None:
        self.samples = 0
        #: By person, what came to him less what he gave away, in wei.
        self._due: dict[str, int] = {}

    def deposited(self, person: str, sats: int) -> None:
        """A deposit for one of his accounts."""
        self._due[person] = self._due.get(person, 0) + sats * SAT_WEI

    def paid(self, giver: str, taker: str, wei: int) -> None:
        """A transfer on the sidechain that was carried out."""
        self._due[giver] = self._due.get(giver, 0) - wei
        self._due[taker] = self._due.get(taker, 0) + wei

    def has(self, person: str, wei: int, sats: int) -> None:
        """What he has: on all his accounts, and received from the federation on all his addresses. Raises Broken for more than is due."""
        self.samples += 1
        due = self._due.get(person, 0)
        found = wei + sats * SAT_WEI
        if found > due:
            raise Broken(
                ORACLE,
                "somebody has more than ever came to him",
                person=person,
                wei=found,
                due_wei=due,
                too_much=found - due,
            )
