"""The session protocol: what a request may say, and the clock that it asks for."""

import msgspec
import pytest

from alys.shells.session import Federation, Session, clock


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"name": ""}',
        '{"name": "two\\nlines"}',
        '{"name": "a", "now": 0}',
        '{"name": "a", "now": 4294967296}',
        '{"name": "a", "time_scale": 0}',
        '{"name": "a", "time_scale": 1001}',
        '{"name": "a", "timescale": 2}',
    ],
)
def test_a_session_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Session)


@pytest.mark.parametrize("key", ["", "ab" * 31, "AB" * 32, "zz" * 32, "02" + "ab" * 32])
def test_a_key_is_32_bytes_in_small_hex(key: str) -> None:
    body = msgspec.json.encode({"keys": [key], "threshold": 1})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Federation)


def test_the_clock_starts_where_it_is_told_and_runs_as_fast_as_it_is_told() -> None:
    steady = [100.0]
    told = Session(name="a", now=1_700_000_000, time_scale=10)
    now = clock(told, lambda: 5.0, lambda: steady[0])
    assert now() == 1_700_000_000
    steady[0] += 3
    assert now() == 1_700_000_030


def test_without_a_time_the_clock_starts_at_the_walls_and_leaves_it_alone() -> None:
    wall, steady = [1_800_000_000.0], [7.0]
    now = clock(Session(name="a"), lambda: wall[0], lambda: steady[0])
    wall[0] += 3600  # somebody set the wall clock
    steady[0] += 1
    assert now() == 1_800_000_001
