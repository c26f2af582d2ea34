"""Calls are answered once, by the first of what can happen to them."""

from typing import Any, cast

from alys.actors.promise import Promise
from alys.node import calls
from alys.node.calls import Calls, GovernanceReply


class Heard:
    """A promise that writes down what it is completed with."""

    def __init__(self) -> None:
        self.replies: list[GovernanceReply] = []

    def complete(self, value: Any) -> None:
        self.replies.append(value)

    @property
    def outcomes(self) -> list[tuple[str, int | None]]:
        return [(reply.outcome, reply.endpoint) for reply in self.replies]


def begin(table: Calls, *endpoints: int) -> Heard:
    heard = Heard()
    table.begin("id", cast("Promise", heard), endpoints)
    return heard


def answered(endpoint: int) -> GovernanceReply:
    return GovernanceReply(outcome="answered", endpoint=endpoint, at=0.0)


def test_the_first_answer_counts_and_the_call_ends_with_the_last() -> None:
    table = Calls()
    heard = begin(table, 0, 1)
    table.settle("id", 1, answered(1))
    assert (heard.outcomes, len(table)) == ([("answered", 1)], 1)
    table.settle("id", 0, answered(0))
    assert (heard.outcomes, len(table)) == ([("answered", 1)], 0)


def test_who_asks_again_under_an_open_id_gets_the_same_answer() -> None:
    table = Calls()
    first, second = begin(table, 0), Heard()
    assert table.join("id", cast("Promise", second))
    table.settle("id", 0, answered(0))
    assert first.outcomes == second.outcomes == [("answered", 0)]
    assert not table.join("id", cast("Promise", second))


def test_it_is_dropped_when_the_last_node_drops_it() -> None:
    table = Calls()
    heard = begin(table, 0, 1)
    table.drop("id", 0, 0.0)
    assert heard.outcomes == []
    table.drop("id", 1, 0.0)
    assert heard.outcomes == [("dropped", 1)]


def test_it_expires_and_says_who_need_not_send_it_any_more() -> None:
    table = Calls()
    heard = begin(table, 0, 1)
    table.drop("id", 0, 0.0)
    assert table.expire("id", 60.0) == {1}
    assert heard.outcomes == [("timeout", None)]
    assert table.expire("id", 61.0) == set()


def test_a_late_answer_is_known_and_a_strange_one_is_not() -> None:
    table = Calls()
    begin(table, 0)
    table.expire("id", 0.0)
    assert table.knows("id")
    assert not table.knows("nobody asked")


def test_only_so_many_ids_are_remembered() -> None:
    table = Calls()
    table.closed("first")
    for number in range(calls.CLOSED_MAX):
        table.closed(f"{number}")
    assert not table.knows("first")
    assert table.knows("0")
