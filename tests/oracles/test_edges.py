"""Messages judged from plain records: off the table, too many, too few, out of order."""

from typing import Any

import pytest

from alys.node import edges as node_edges
from alys.oracles.edges import (
    MAY_ASK,
    EdgeFault,
    Passed,
    between,
    check_allowed,
    check_asks,
    check_counts,
    check_runs_through,
)

NODE = "/alys/node"
ASKED = {("chain", "engine"): frozenset({"Build"})}
TOLD = {("engine", "bridge"): frozenset({"Burn"}), ("chain", "peer"): frozenset({"Block"})}


def sent(sender: str, receiver: str, message: str, **more: Any) -> dict[str, Any]:
    record = {"kind": "sent", "sender": sender + "#1", "receiver": receiver + "#2"}
    return {**record, "message": message, "ask": False, "correlation": None, **more}


RECORDS = [
    sent(f"{NODE}/chain", f"{NODE}/engine", "Build", ask=True, correlation="slot:1"),
    sent(f"{NODE}/engine", f"{NODE}/bridge", "Burn", correlation="pegout:1"),
    sent(f"{NODE}/chain", "/alys/cosigner-1/chain", "Block"),
    sent(f"{NODE}/bridge", f"{NODE}/bridge", "Poll"),
    sent("/alys", f"{NODE}/chain", "GetStatus", ask=True),
    sent(f"{NODE}/engine", "/alys/node-engine", "Call", ask=True),
    {"kind": "handled", "sender": f"{NODE}/chain#1", "receiver": f"{NODE}/engine#2"},
]


def passed() -> list[Passed]:
    return between(RECORDS, [NODE, "/alys/cosigner-1"])


def test_only_messages_between_the_trees_own_actors_count() -> None:
    assert [(one.edge, one.message) for one in passed()] == [
        (("chain", "engine"), "Build"),
        (("engine", "bridge"), "Burn"),
        (("chain", "peer"), "Block"),
    ]


def test_what_the_table_allows_is_counted() -> None:
    assert check_allowed(passed(), ASKED, TOLD) == 3


@pytest.mark.parametrize(
    "stranger",
    [
        sent(f"{NODE}/bridge", f"{NODE}/engine", "Burn"),
        sent(f"{NODE}/chain", f"{NODE}/engine", "Build"),
        sent(f"{NODE}/engine", f"{NODE}/bridge", "Burn", ask=True),
        sent(f"{NODE}/engine", f"{NODE}/bridge", "Other"),
    ],
    ids=["another edge", "told instead of asked", "asked instead of told", "another message"],
)
def test_a_message_off_the_table_is_named(stranger: dict[str, Any]) -> None:
    with pytest.raises(EdgeFault, match="no edge allows"):
        check_allowed(between([*RECORDS, stranger], [NODE]), ASKED, TOLD)


def test_counts_must_be_exact_in_both_directions() -> None:
    edges = [("chain", "engine"), ("engine", "bridge")]
    right = {("chain", "engine", "Build"): 1, ("engine", "bridge", "Burn"): 1}
    assert check_counts(passed(), edges, right) == 2
    with pytest.raises(EdgeFault, match="engine to bridge: 1 Burn, the flow needs 2"):
        check_counts(passed(), edges, {**right, ("engine", "bridge", "Burn"): 2})
    with pytest.raises(EdgeFault, match="chain to engine: 1 Build, the flow needs 0"):
        check_counts(passed(), edges, {("engine", "bridge", "Burn"): 1})


def test_an_operation_runs_through_its_steps_in_order() -> None:
    step = ("engine", "bridge", "Burn")
    assert check_runs_through(passed(), "pegout:1", [step]) == 1
    with pytest.raises(EdgeFault, match="pegout:2"):
        check_runs_through(passed(), "pegout:2", [step])
    with pytest.raises(EdgeFault):
        check_runs_through(passed(), "pegout:1", [step, step])


def test_nobody_waits_where_a_circle_could_close() -> None:
    assert check_asks(passed()) == 1
    told = sent(f"{NODE}/engine", f"{NODE}/chain", "Ready")
    assert check_asks(between([*RECORDS, told], [NODE])) == 1
    back = sent(f"{NODE}/engine", f"{NODE}/chain", "GetHead", ask=True)
    with pytest.raises(EdgeFault, match=r"engine asks chain GetHead \(2 times\)"):
        check_asks(between([*RECORDS, back, back], [NODE]))


def test_the_nodes_own_table_lets_nobody_wait_where_it_must_not() -> None:
    assert set(node_edges.ASKED) <= MAY_ASK
