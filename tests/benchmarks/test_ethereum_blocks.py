"""The measure of blocks: it measures what it says, and its verdict can fail."""

from pathlib import Path

import msgspec
import pytest

from benchmarks import ethereum_blocks
from benchmarks.ethereum_blocks import Chain, Figures, Report, figures, page, write
from tests.benchmarks.made_up import MACHINE


def report(**changes: float) -> Report:
    made = Figures(
        accounts=10_000,
        empty_built=4.9,
        empty_imported=4.9,
        transfers_built=249.0,
        transfers_imported=249.0,
        specification_empty=812.3,
    )
    small = msgspec.structs.replace(made, accounts=10, empty_built=90.0, specification_empty=None)
    goal = msgspec.structs.replace(made, **changes)
    return Report(machine=MACHINE, rounds=5, quick=False, sizes=(small, goal))


def test_the_goals_are_for_ten_thousand_accounts() -> None:
    assert report().missed() == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("empty_built", "an empty block built: 300.00 ms, goal below 5 ms"),
        ("empty_imported", "an empty block imported: 300.00 ms"),
        ("transfers_built", "200 transfers built: 300.00 ms, goal below 250 ms"),
        ("transfers_imported", "200 transfers imported: 300.00 ms"),
    ],
)
def test_a_goal_that_is_missed_is_named(name: str, words: str) -> None:
    (missed,) = report(**{name: 300.0}).missed()
    assert missed.startswith(words)
    assert words in page(report(**{name: 300.0}))


def test_the_page_shows_each_size_and_what_was_not_tried(tmp_path: Path) -> None:
    write(report(), tmp_path)
    shown = (tmp_path / "ETHEREUM_BLOCKS.md").read_text()
    assert "| 10,000 | 4.90 | 4.90 | 249 | 249 | 812.3 |" in shown
    assert "| 10 | 90.00 | 4.90 | 249 | 249 | not tried |" in shown
    data = (tmp_path / "ethereum_blocks.json").read_bytes()
    assert msgspec.json.decode(data, type=Report) == report()


@pytest.mark.slow
def test_a_measure_of_few_accounts_gives_every_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ethereum_blocks, "TRANSFERS", 3)
    monkeypatch.setattr(ethereum_blocks, "EMPTY_BLOCKS", 1)
    found = figures(5, 2)
    values = [getattr(found, name) for name in found.__struct_fields__]
    assert all(value > 0 for value in values)


def test_the_state_has_so_many_accounts_and_the_transfers_find_room() -> None:
    chain = Chain(250)
    block = chain.build(chain.transfers())
    assert len(chain.held) == 250
    assert len(block.transactions) == 200
    assert len({tx.sender for tx in block.transactions}) == 200
