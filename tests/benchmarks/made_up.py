"""A made-up run, for tests of what is written about one."""

from typing import Any

from benchmarks.goals import Sense
from benchmarks.results import Machine, Peer, Results, Row, Yardstick

MACHINE = Machine(
    cpu="Made-up CPU 9000",
    cores=4,
    cores_usable=4,
    system="Linux x86_64",
    python="CPython 3.11.9",
    clock_ns=41.0,
)

YARDSTICK = Yardstick(
    messages=100_000,
    queue_per_second=2_000_000.0,
    same_task_per_second=2_200_000.0,
    same_task_ratio=1.1,
    spread=0.07,
)

PEERS = [
    Peer(name="asyncio", version="3.11.9", note="a queue and a task"),
    Peer(name="pykka", version="", note="a thread each"),
]


def row(**changes: Any) -> Row:
    """A tell of 3.2 Q, which meets its goal of 3."""
    facts: dict[str, Any] = {
        "name": "tell",
        "title": "tell, one actor to one",
        "unit": "messages/s",
        "ours": 6_400_000.0,
        "peers": {"asyncio": 1_900_000.0, "pykka": "not installed"},
        "ratio_to_queue": 3.2,
        "goal": 3.0,
        "goal_unit": "Q",
        "sense": Sense.AT_LEAST,
        "floor": 2.5,
        "met": True,
        "above_floor": True,
        "rounds": 5,
        "each_round": [6_400_000.0] * 5,
        "each_ratio": [3.2] * 5,
    }
    return Row(**{**facts, **changes})


def ask(**changes: Any) -> Row:
    """An ask of 1.5 us, which misses its goal of 1.3."""
    facts: dict[str, Any] = {
        "name": "ask_task_p50",
        "title": "ask from an asyncio task, p50",
        "unit": "us",
        "ours": 1.5,
        "peers": {"asyncio": 4.6, "pykka": "not installed"},
        "ratio_to_queue": None,
        "goal": 1.3,
        "goal_unit": "us",
        "sense": Sense.AT_MOST,
        "floor": None,
        "met": False,
        "above_floor": False,
        "each_round": [1.5] * 5,
        "each_ratio": [],
    }
    return row(**{**facts, **changes})


def results(*rows: Row, **changes: Any) -> Results:
    """The run with these rows."""
    facts: dict[str, Any] = {
        "machine": MACHINE,
        "yardstick": YARDSTICK,
        "observer": "Metrics",
        "rounds": 5,
        "quick": False,
        "peers": PEERS,
        "rows": list(rows),
        "notes": ["the bound was kept"],
    }
    return Results(**{**facts, **changes})
