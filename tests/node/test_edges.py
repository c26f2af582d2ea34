"""The table of edges keeps the rule it is there for: what waits for each other forms no circle."""

from alys.actors.message import Message
from alys.node import messages, orders, questions
from alys.node.edges import ASKED, TOLD


def test_asks_form_no_circle() -> None:
    targets: dict[str, set[str]] = {}
    for sender, receiver in ASKED:
        targets.setdefault(sender, set()).add(receiver)

    def reaches(start: str, wanted: str) -> bool:
        return any(n == wanted or reaches(n, wanted) for n in targets.get(start, ()))

    assert not [actor for actor in targets if reaches(actor, actor)]


def test_nothing_is_both_asked_and_told_on_one_edge() -> None:
    for edge, names in ASKED.items():
        assert not names & TOLD.get(edge, frozenset())


def test_every_message_between_modules_has_an_edge() -> None:
    declared = {
        name
        for module in (messages, orders)
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, Message)
        and kind.__module__ == module.__name__
    }
    from_outside = {"GetStatus", "AnnounceDeposit"}
    told = frozenset().union(*TOLD.values(), *ASKED.values())
    assert declared - from_outside <= told
    assert not {name for name in vars(questions) if name in told}
