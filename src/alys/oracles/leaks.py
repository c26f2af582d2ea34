"""Nothing outlives its owner: actors, timers, questions, senders in a line.

While a system runs, an actor that is gone has no timer armed, a new incarnation finds none of the old one, no tick of an earlier
incarnation is handled, and the questions that nobody has answered yet stay few. When the system has ended there is nothing left at all.
"""

from collections.abc import Sequence

from alys.oracles.broken import Broken

ORACLE = "leaks"

QUESTIONS_MAX = 5_000
"""Open at once: more than any federation asks, far less than a leak comes to."""
TIMERS_MAX = 20_000
"""Armed at once, likewise."""
EXAMPLES_MAX = 3


class Leaks:
    """Feed it as things happen; it raises Broken. ``samples`` counts ends, ticks and looks."""

    def __init__(self) -> None:
        self.samples = 0

    def ended(self, actor: str, timers: int) -> None:
        """An actor is gone, and so many timers are armed for it."""
        self._none(timers, "a timer is armed for an actor that is gone", actor)

    def renewed(self, actor: str, timers: int) -> None:
        """A new instance is about to begin, and so many timers are armed that the old one set."""
        self._none(timers, "a timer of an earlier incarnation is armed", actor)

    def tick(self, actor: str, sent_to: int, handled_by: int) -> None:
        """A timer's message is handled: the incarnation that it was sent to, and the one that handles it."""
        self.samples += 1
        if sent_to != handled_by:
            raise Broken(
                ORACLE,
                "a tick of an earlier incarnation was handled",
                actor=actor,
                sent_to=sent_to,
                handled_by=handled_by,
            )

    def _none(self, count: int, sentence: str, actor: str) -> None:
        self.samples += 1
        if count:
            raise Broken(ORACLE, sentence, actor=actor, timers=count)

    def open_now(self, questions: int, timers: int) -> None:
        """How many questions wait for an answer, and how many timers are armed."""
        self.samples += 1
        for what, count, limit in (
            ("questions", questions, QUESTIONS_MAX),
            ("timers", timers, TIMERS_MAX),
        ):
            if count > limit:
                raise Broken(ORACLE, f"more {what} are open than any run needs", count=count)

    def close(self, left: dict[str, Sequence[str]]) -> None:
        """The system has ended; what is left, by kind."""
        self.samples += 1
        for kind, those in left.items():
            if those:
                such_as = "; ".join(those[:EXAMPLES_MAX])
                raise Broken(
                    ORACLE, f"{kind} outlived the system", count=len(those), such_as=such_as
                )
