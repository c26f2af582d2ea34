"""The timeline page, from data."""

import msgspec

from alys.report.timeline import Arrow, Line, Mark, Timeline, render

TOLD = Timeline(
    title="Seed 7: fail",
    oracle="ledger/double_mint",
    sentence="a deposit <was> minted twice",
    replay="alys replay 7",
    failed_at=3.0,
    ended_at=4.0,
    facts={"profile": "light"},
    lanes=("node-1", "/alys/node/chain", "blocks"),
    marks=(
        Mark(at=1.0, lane="node-1", kind="fault", text="order 1: kill", until=2.5),
        Mark(at=1.5, lane="/alys/node/chain", kind="restart", text="restarted: InjectedFault"),
        Mark(at=2.0, lane="blocks", kind="block", text="height 1"),
    ),
    actors=("/alys/node/chain", "/alys/node/engine"),
    arrows=(
        Arrow(sent=2.5, taken=2.75, sender="/alys/node/chain", receiver="/alys/node/engine", name="Build"),
        Arrow(sent=2.9, taken=None, sender="/alys/node/engine", receiver="/alys/node/chain", name="Lost"),
    ),
    window=(2.0, 3.0),
    left_out=5,
    tree=(
        Line(depth=0, name="node", state="up"),
        Line(depth=1, name="chain", state="dead", note="gone since 2.900 s: kill"),
    ),
)  # fmt: skip


def test_what_befell_whom_stands_in_the_drawing_and_in_words() -> None:
    """Every mark has its words; the oracle is marked where it fired, and its sentence is escaped."""
    page = render(TOLD)
    for words in ("order 1: kill", "restarted: InjectedFault", "height 1", "alys replay 7"):
        assert words in page
    assert page.count('class="oracle"') == 2, "in both drawings"
    assert "&lt;was&gt;" in page
    assert "<was>" not in page
    assert "the 5 before them are not drawn" in page


def test_time_is_drawn_to_scale_in_the_first_drawing_and_in_order_in_the_second() -> None:
    """A fault of 1.5 of 4 seconds takes that share of the axis; moments however close are as far apart as any."""
    page = render(TOLD)
    share = 1.5 / 4.0 * (1180 - 260 - 20)
    assert f'width="{share:.1f}" height="12"' in page
    moments = [2.0, 2.5, 2.75, 2.9, 3.0]
    x = 260 + moments.index(2.9) / 4 * (1180 - 260 - 20)
    assert f'class="lost" x1="{x:.1f}"' in page


def test_a_dead_actor_is_struck_out() -> None:
    """With when and why."""
    assert '<span class="dead">  chain  gone since 2.900 s: kill</span>' in render(TOLD)


def test_a_green_run_has_no_cause() -> None:
    """And says so."""
    page = render(msgspec.structs.replace(TOLD, oracle="", sentence="", failed_at=None))
    assert "Nothing was found wrong." in page
    assert 'class="oracle"' not in page
