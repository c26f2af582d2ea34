"""Whatever is valid here is valid to bitcoind, and what it refuses is refused here, with its own words.

What bitcoind said to each of some 1,600 transactions and blocks is on record, so that it binds our node where there is no
bitcoind; where there is one, the record itself is checked.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.parity import verdicts
from tests.parity.stage import Stage


@pytest.mark.slow
def test_our_node_says_what_bitcoind_said() -> None:
    stage = Stage()
    said = verdicts.all_of(stage, verdicts.ours(stage), verdicts.ours(stage))
    wanted = dict(verdicts.recorded())
    for name, (ours, _) in verdicts.differences().items():
        assert wanted[name] != ours, f"{name}: no difference any more"
        wanted[name] = ours
    assert {
        name: (said.get(name), wanted.get(name))
        for name in said | wanted
        if said.get(name) != wanted.get(name)
    } == {}


@pytest.mark.slow
def test_bitcoind_says_what_is_on_record(tmp_path: Path) -> None:
    stage = Stage()
    with verdicts.bitcoind(tmp_path, stage) as ask:
        said = verdicts.all_of(stage, ask, ask)
    assert said == verdicts.recorded()


def test_the_record_has_good_and_bad_of_many_kinds() -> None:
    counts = Counter(verdicts.recorded().values())
    assert counts.total() > 2_200
    assert counts[verdicts.OK] > 300
    assert len(counts) > 90


def test_the_stage_is_the_same_every_time() -> None:
    assert Stage().blocks[-1].hash == Stage().blocks[-1].hash
