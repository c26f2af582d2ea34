"""Same seed, same trace: in this process, in another, and whatever the hash seed; and anyone can recompute its hash."""

import enum
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.actors.envelope import Envelope
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.sim.trace import TraceRecorder, causes, plain, recompute_hash
from tests.sim import little_world
from tests.sim.little_world import EPOCH, Work, play

ROOT = Path(__file__).resolve().parents[2]


def counted(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith('{"t":')]


def test_the_same_seed_gives_the_same_lines_and_the_same_hash() -> None:
    first, again = play(1), play(1)
    assert counted(first.lines) == counted(again.lines)
    assert first.recorder.trace_hash == again.recorder.trace_hash
    assert first.recorder.records == len(counted(first.lines)) > 300


def test_other_seeds_give_other_orders() -> None:
    assert len({play(seed).recorder.trace_hash for seed in range(10)}) == 10


def test_another_process_with_another_hash_seed_gives_the_same_trace() -> None:
    here = play(7)
    for hash_seed in ("1", "4242"):
        done = subprocess.run(
            [sys.executable, little_world.__file__, "7", "uniform"],
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},  # noqa: TID251  # for a child
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        trace_hash, *lines = done.stdout.splitlines(keepends=True)
        assert counted(lines) == counted(here.lines)
        assert trace_hash.strip() == here.recorder.trace_hash


def test_the_hash_is_blake2b_over_the_counted_lines_and_nothing_else() -> None:
    world = play(3)
    file = "".join(["a line of the runner's own\n", *world.lines, '{"note":"not counted"}\n'])
    digest = hashlib.blake2b(digest_size=32)
    for line in file.encode().split(b"\n"):
        if line.startswith(b'{"t":'):
            digest.update(line + b"\n")
    assert digest.hexdigest() == world.recorder.trace_hash
    assert recompute_hash(file.splitlines()) == world.recorder.trace_hash


def test_a_changed_line_changes_the_hash() -> None:
    world = play(3)
    lines = counted(world.lines)
    lines[50] = lines[50].replace('"kind":"', '"kind":"x')
    assert recompute_hash(lines) != world.recorder.trace_hash
    assert recompute_hash(lines[::-1]) != recompute_hash(lines)


def test_every_line_is_a_json_object_and_tells_its_kind_and_virtual_time() -> None:
    lines = [json.loads(line) for line in play(1).lines]
    events = [line for line in lines if "t" in line]
    times = [event["t"] for event in events]
    assert times == sorted(times)
    assert times[0] >= EPOCH
    assert times[-1] < EPOCH + 1000
    kinds = {event["kind"] for event in events}
    assert kinds >= {"spawned", "sent", "handling", "handled", "replied", "failed", "restarted"}
    assert kinds >= {"stopped", "dead_letter"}


def test_no_line_that_counts_holds_an_address_or_the_text_of_an_error() -> None:
    lines = play(1).lines
    assert not [line for line in counted(lines) if "0x" in line or "differs" in line]
    assert [line for line in lines if line.startswith('{"note"') and "differs" in line]


def test_a_message_can_be_followed_to_its_cause() -> None:
    events = [json.loads(line) for line in counted(play(1).lines)]
    ids = {event["id"] for event in events if event["kind"] == "sent"}
    caused = [event for event in events if event["kind"] == "sent" and event["cause"]]
    assert caused
    assert {event["cause"] for event in caused} <= ids
    asks = [event for event in events if event["kind"] == "replied" and event["correlation"]]
    assert {event["correlation"] for event in asks} <= {f"work:{n}" for n in range(30)}
    assert asks


def test_every_event_of_the_runtime_has_a_line_but_the_turns() -> None:
    """Nothing that the runtime reports may vanish from a trace; turns are wall time and are none."""
    lines: list[str] = []
    recorder = TraceRecorder(lambda: 5.0, lines.append)
    a, letter, error = (
        Ref("/a", 1),
        Envelope(Work(words=frozenset(), amounts={}), Ref("/b", 2), 1),
        ValueError(),
    )
    recorder.spawned(a)
    recorder.sent(letter, a)
    recorder.handling(letter, a)
    recorder.handled(letter, a)
    recorder.replied(letter, a, 1)
    recorder.failed(a, error, letter)
    recorder.resumed(a, error)
    recorder.restarted(a, 1, error)
    recorder.escalated(a, error)
    recorder.stopped(a, "normal")
    recorder.dropped(letter, a, "mailbox full")
    recorder.dead_letter(letter, a, "stopped")
    recorder.turn(a, 1, 0.5, 0)
    kinds = [json.loads(line)["kind"] for line in counted(lines)]
    events = {name for name in vars(Observer) if not name.startswith("_")}
    assert len(kinds) == len(set(kinds)) == recorder.records
    assert {*kinds} == events - {"turn"}


def test_a_record_of_ones_own_counts() -> None:
    lines: list[str] = []
    recorder = TraceRecorder(lambda: 5.0, lines.append)
    before = recorder.trace_hash
    recorder.record("fault", {"what": "cut"})
    assert lines == ['{"t":5.0,"kind":"fault","what":"cut"}\n']
    assert recorder.trace_hash == recompute_hash(lines) != before


class Colour(enum.Enum):
    RED = 1


class Inner(msgspec.Struct):
    raw: bytes


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"\x00\xff", "00ff"),
        (bytearray(b"\x01"), "01"),
        (Ref("/a", 3), "/a#3"),
        (Colour.RED, "RED"),
        (Inner(raw=b"\x02"), {"raw": "02"}),
        ({"k": Colour.RED, Ref("/a", 1): 1}, {"k": "RED", "/a#1": 1}),
        ({1: 2}, {"1": 2}),
        ((1, [None, True]), [1, [None, True]]),
        (frozenset({"b", "a", "c"}), ["a", "b", "c"]),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (0.1, 0.1),
        (object(), "<object>"),
        (ValueError("text"), ["ValueError"]),
        (True, True),
    ],
)
def test_values_are_shown_plainly_and_without_addresses(value: Any, shown: object) -> None:
    assert plain(value) == shown


def test_a_message_is_shown_with_its_fields() -> None:
    shown = plain(Work(words=frozenset({"b", "a"}), amounts={"x": 1.5}))
    assert shown == {"words": ["a", "b"], "amounts": {"x": 1.5}, "raw": "00ff"}


def test_causes_are_types_outermost_first() -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    assert causes(error) == ["ValueError", "KeyError"]
    assert causes(None) == []
