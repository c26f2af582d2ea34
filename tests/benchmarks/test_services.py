"""The comparison with real nodes: who is first, what a ratio is, the page, and a run without anybody to compare with."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.services import bitcoin, ethereum, governance, page, pairs, results, run
from benchmarks.services.processes import Failed
from tests.benchmarks.made_up import MACHINE

CASE = results.Case(
    service="bitcoin",
    name="getblock",
    how="a block",
    calls=5,
    ours_ms=[1.0, 2.0, 30.0],
    theirs_ms=[2.0, 1.0, 10.0],
)
HERE = results.Other(service="bitcoin", name="bitcoind", said="Satoshi:29", here=True)
AWAY = results.Other(service="ethereum", name="client", said="it is not on PATH", here=False)


def comparison(*cases: results.Case) -> results.Comparison:
    return results.Comparison(
        machine=MACHINE, rounds=3, quick=False, others=[HERE, AWAY], cases=list(cases)
    )


def test_a_ratio_is_formed_in_each_round() -> None:
    assert page.row(CASE) == ("bitcoin", "getblock", "2.00", "2.00", "2.00", "0.50 to 3.00")


def test_a_case_without_the_other_side_shows_ours() -> None:
    alone = msgspec.structs.replace(CASE, theirs_ms=[])
    assert page.row(alone)[2:] == ("2.00", "not here", "", "")


def test_the_page_says_beside_whom_and_who_was_not_there() -> None:
    text = page.render(comparison(CASE))
    assert "| bitcoin | getblock | 2.00 | 2.00 | 2.00 | 0.50 to 3.00 |" in text
    assert "- bitcoin: bitcoind, Satoshi:29.\n" in text
    assert "- ethereum: client, not here: it is not on PATH.\n" in text
    assert "- getblock: a block; 5 a round.\n" in text


def test_the_page_says_how_busy_the_machine_was() -> None:
    busy = msgspec.structs.replace(comparison(CASE), load=[0.3, 8.25])
    assert "It had 0.3 processes to run when this began, and 8.2 at the end." in page.render(busy)
    assert "processes to run" not in page.render(comparison(CASE))


def test_a_finished_run_comes_back() -> None:
    assert results.parse(results.render(comparison(CASE))) == comparison(CASE)


def test_both_sides_are_called_as_often_and_take_turns_at_being_first() -> None:
    order: list[tuple[str, int]] = []
    pair = pairs.Pair(
        service="s",
        name="n",
        how="h",
        calls=2,
        ours=lambda number: order.append(("ours", number)),
        theirs=lambda number: order.append(("theirs", number)),
    )
    (case,) = pairs.measure([pair], 2, lambda _: None)
    assert order == [
        *(("theirs", 0), ("theirs", 1), ("ours", 0), ("ours", 1)),
        *(("ours", 2), ("ours", 3), ("theirs", 2), ("theirs", 3)),
        *(("theirs", 4), ("theirs", 5), ("ours", 4), ("ours", 5)),
    ]
    assert (len(case.ours_ms), len(case.theirs_ms)) == (2, 2)


def test_the_page_beside_the_figures_is_made_of_them() -> None:
    folder = Path(run.HERE)
    found = results.parse((folder / "services.json").read_text(encoding="utf-8"))
    assert page.render(found) == (folder / "SERVICES.md").read_text(encoding="utf-8")
    assert {case.service for case in found.cases} == set(run.SERVICES)
    assert all(other.here for other in found.others)
    assert not found.quick


@pytest.mark.slow
def test_real_nodes_that_are_not_here_are_left_out_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(bitcoin, "PAYMENTS", 3)
    monkeypatch.setattr(bitcoin, "IMPORTS", 1)
    monkeypatch.setattr(bitcoin, "CALLS", 2)
    options = ["--quick", "--only", "bitcoin", "--out", str(tmp_path)]
    assert run.main(options) == 3
    assert "bitcoind is left out: bitcoind is not on PATH" in capsys.readouterr().err
    found = results.parse((tmp_path / "services.json").read_text(encoding="utf-8"))
    assert [len(case.ours_ms) for case in found.cases] == [5] * len(found.cases)
    assert not any(case.theirs_ms for case in found.cases)


@pytest.mark.slow
def test_signatures_are_measured_beside_an_echo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(governance, "CALLS", 2)
    assert run.main(["--quick", "--only", "governance", "--out", str(tmp_path)]) == 0
    found = results.parse((tmp_path / "services.json").read_text(encoding="utf-8"))
    assert {len(case.theirs_ms) for case in found.cases} == {5}


def test_an_answer_that_is_none_ends_the_run() -> None:
    with pytest.raises(Failed, match="out of range"):
        bitcoin.check(b'{"result":null,"error":{"code":-8,"message":"out of range"},"id":1}')
    bitcoin.check(b'{"jsonrpc":"2.0","result":"ab","id":1}')


def test_the_chain_of_payloads_has_what_its_names_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ethereum, "IMPORTS", 1)
    chain = ethereum.make_chain(1)
    assert [len(one["transactions"]) for one in (*chain.empty, *chain.full)] == [0, 50]
    assert chain.full[0]["parentHash"] == chain.empty[0]["blockHash"]
