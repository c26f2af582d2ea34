"""Same seed, same trace: in this process, in another, and whatever the hash seed; and anyone can recompute its hash."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alys.actors.envelope import Envelope
from alys.actors.exits import NORMAL
from alys.actors.message import Message
from alys.actors.observe import Observer
from alys.actors.ref import Ref
from alys.sim import trace
from alys.sim.trace import TraceRecorder, recompute_hash
from alys.sim.trap import Trap
from tests.sim import little_world
from tests.sim.little_world import EPOCH, Work, World, play, play_in

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
    assert kinds >= {"spawned", "sent", "handling", "replied", "failed", "restarted"}
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
    about = {event["id"]: event["correlation"] for event in events if event["kind"] == "sent"}
    answered = {event["id"] for event in events if event["kind"] == "replied"}
    asks = {about[id_] for id_ in answered} - {None}
    assert asks <= {f"work:{n}" for n in range(30)}
    assert asks


def test_every_event_of_the_runtime_has_a_line_but_turns_and_hooks() -> None:
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
    recorder.handling(Envelope(letter.message, Ref("/c", 9), 1), Ref("/d", 8))  # its handler waited
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
    recorder.flush()
    kinds = [json.loads(line)["kind"] for line in counted(lines)]
    events = {name for name in vars(Observer) if not name.startswith("_")}
    assert len(kinds) == len(set(kinds)) + 1 == recorder.records
    recorder.judging(a, NORMAL, False)  # what comes of it is written
    recorder.torn_down(a)
    assert {*kinds} == events - {"turn", "entering", "judging", "torn_down"}


def test_a_record_of_ones_own_counts() -> None:
    lines: list[str] = []
    recorder = TraceRecorder(lambda: 5.0, lines.append)
    before = recorder.trace_hash
    recorder.record("fault", {"what": "cut"})
    recorder.flush()
    assert lines == ['{"t":5.0,"kind":"fault","what":"cut"}\n']
    assert recorder.trace_hash == recompute_hash(lines) != before


class Odd(Message, frozen=True, kw_only=True):
    """Its field may hold what it does not say."""

    count: int


def test_a_message_with_a_value_of_another_type_is_written_plainly() -> None:
    lines: list[str] = []
    recorder = TraceRecorder(lambda: 5.0, lines.append)
    wrong: Any = None
    recorder.sent(Envelope(Odd(count=wrong), Ref("/b", 2), 1), Ref("/a", 1))
    recorder.flush()
    assert json.loads(lines[0])["body"] == {"count": None}


def test_without_a_sink_the_same_is_hashed() -> None:
    world = play(3)
    silent = World(3, trap=Trap())
    silent.recorder.sink = None
    again = play_in(silent)
    assert again.lines == []
    assert again.recorder.trace_hash == world.recorder.trace_hash
    assert again.recorder.records == world.recorder.records


def test_lines_are_hashed_many_at_a_time_and_the_hash_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = play(3)
    monkeypatch.setattr(trace, "LINES_MAX", 7)
    monkeypatch.setattr(trace, "WORDS_MAX", 3)
    world = play(3)
    assert world.recorder.trace_hash == whole.recorder.trace_hash
    assert counted(world.lines) == counted(whole.lines)


def test_refs_made_by_hand_share_a_uid_and_keep_their_names() -> None:
    lines: list[str] = []
    recorder = TraceRecorder(lambda: 5.0, lines.append)
    for path in ("/a", '/"b"'):
        recorder.sent(Envelope(Odd(count=1), Ref("/c", 0), 1), Ref(path, 0))
    recorder.flush()
    assert [json.loads(line)["receiver"] for line in lines] == ["/a#0", '/"b"#0']


def test_the_end_of_a_handler_has_a_line_where_anything_lay_between() -> None:
    lines: list[str] = []
    clock = [5.0]
    recorder = TraceRecorder(lambda: clock[0], lines.append)
    ref, first, second = (
        Ref("/a", 1),
        Envelope(Odd(count=1), Ref("/b", 2), 1),
        Envelope(Odd(count=2), Ref("/b", 2), 2),
    )
    recorder.handling(first, ref)
    recorder.handled(first, ref)
    recorder.handling(first, ref)
    recorder.handling(second, ref)
    recorder.handled(first, ref)
    recorder.handling(second, ref)
    clock[0] = 6.0
    recorder.handled(second, ref)
    recorder.flush()
    told = [(one["t"], one["kind"], one["id"]) for one in map(json.loads, lines)]
    assert told == [
        (5.0, "handling", "2.1"),
        (5.0, "handling", "2.1"),
        (5.0, "handling", "2.2"),
        (5.0, "handled", "2.1"),
        (5.0, "handling", "2.2"),
        (6.0, "handled", "2.2"),
    ]
