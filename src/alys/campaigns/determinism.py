"""Whether a run is decided by its plan alone: each seed is run in two processes in which strings hash differently, and must leave one trace.

What no trap can catch is found like this: the order of a set, an ``id()``, a date.
"""

import contextlib
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import msgspec

from alys.campaigns.hashes import Seen

HASH_SEEDS = ("1", "4711")
PROGRAM = "alys.campaigns.hashes"
RECORD_CHARACTERS_MAX = 400


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be compared."""

    first: int
    after: int
    """The first seed that is no part of it."""
    faults: str = "all"
    profile: str = "mixed"
    jobs: int = 1
    """In each of the two processes."""
    environment: dict[str, str] = {}
    """Of the two processes."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A seed that left two traces."""

    seed: int
    hashes: tuple[str, str]
    sentence: str
    """Where they part."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    seeds: int = 0
    """That were run in both processes, to an end."""
    distinct: int = 0
    """How many hashes there were: another seed gives another."""
    differences: tuple[Difference, ...] = ()
    lost: tuple[Seen, ...] = ()


def check(
    asked: Asked,
    *,
    program: str = PROGRAM,
    progress: Callable[[int], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Found:
    """Run and compare; ``progress`` is called with the number of seeds that are over in both."""
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(_process(asked, program, hash_seed)) for hash_seed in HASH_SEEDS
        ]
        told = _told(processes, progress, stopped)
    pairs = list(zip(*told, strict=False))
    lost = [one for pair in pairs for one in pair if one.lost]
    whole = [(one, other) for one, other in pairs if not one.lost and not other.lost]
    differing = [(one, other) for one, other in whole if one.trace_hash != other.trace_hash]
    return Found(
        seeds=len(whole),
        distinct=len({one.trace_hash for one, _ in whole}),
        differences=tuple(
            Difference(
                seed=one.seed,
                hashes=(one.trace_hash, other.trace_hash),
                sentence=_where(asked, program, one.seed) if number == 0 else "",
            )
            for number, (one, other) in enumerate(differing)
        ),
        lost=tuple(lost),
    )


def first_difference(one: Iterable[str], other: Iterable[str]) -> str:
    """Where two traces part: the number of the record, from 1, and both."""
    mine, theirs = iter(one), iter(other)
    for number, record in enumerate(mine, 1):
        answer = next(theirs, None)
        if record != answer:
            there = "(no more records)" if answer is None else _short(answer)
            return f"record {number} is {_short(record)} in one and {there} in the other"
    rest = next(theirs, None)
    return "no record differs" if rest is None else f"the other goes on with {_short(rest)}"


def _short(record: str) -> str:
    record = record.rstrip("\n")
    more = "..." if len(record) > RECORD_CHARACTERS_MAX else ""
    return record[:RECORD_CHARACTERS_MAX] + more


@contextlib.contextmanager
def _process(asked: Asked, program: str, hash_seed: str) -> Iterator[IO[bytes]]:
    """What it writes; it ends with the block."""
    words = [str(asked.first), str(asked.after), "--jobs", str(asked.jobs), *_drawn(asked)]
    process = subprocess.Popen(
        [sys.executable, "-m", program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        bufsize=0,  # a line that waits in a buffer is none that can be waited for
        env=_environment(asked, hash_seed),
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        process.communicate()


def _told(
    pipes: Sequence[IO[bytes]], progress: Callable[[int], None], stopped: Callable[[], bool]
) -> list[list[Seen]]:
    """The answers of both, as long as they come."""
    told: list[list[Seen]] = [[] for _ in pipes]
    with selectors.DefaultSelector() as selector:
        for number, pipe in enumerate(pipes):
            selector.register(pipe, selectors.EVENT_READ, number)
        while selector.get_map() and not stopped():
            for key, _ in selector.select(0.5):
                line = pipes[key.data].readline()
                if line:
                    told[key.data].append(msgspec.json.decode(line, type=Seen))
                else:
                    selector.unregister(key.fileobj)
                progress(min(map(len, told)))
    return told


def _where(asked: Asked, program: str, seed: int) -> str:
    """Run it twice more, with its records."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / hash_seed for hash_seed in HASH_SEEDS]
        for file, hash_seed in zip(files, HASH_SEEDS, strict=True):
            words = [str(seed), str(seed + 1), "--trace", str(file), *_drawn(asked)]
            subprocess.run(
                [sys.executable, "-m", program, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=_environment(asked, hash_seed),
                check=False,
            )
        if not all(file.exists() for file in files):
            return "run once more it left no trace"
        with files[0].open(encoding="utf-8") as one, files[1].open(encoding="utf-8") as other:
            return first_difference(one, other)


def _drawn(asked: Asked) -> list[str]:
    return ["--faults", asked.faults, "--profile", asked.profile]


def _environment(asked: Asked, hash_seed: str) -> Mapping[str, str]:
    return {**asked.environment, "PYTHONHASHSEED": hash_seed}
