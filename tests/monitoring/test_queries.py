"""The reader of expressions finds every series and label, and errs on the strict side."""

import pytest

from alys.monitoring import queries

KNOWN = {"up": frozenset({"job"}), "a_total": frozenset({"who", "job"})}


@pytest.mark.parametrize(
    ("expression", "series"),
    [
        ("up == 0", ["up"]),
        ("absent(up)", ["up"]),
        ('rate(a_total{who="up == nobody"}[5m]) > 0.1', ["a_total"]),
        ("sum by (who) (rate(a_total[5m])) / on (who) group_left up", ["a_total", "up"]),
        ("time() - 1e3 > bool 2 unless up offset 5m", ["up"]),
        ("histogram_quantile(0.9, sum(a_total) by (who))", ["a_total"]),
        ("topk(10, max without (job) (up))", ["up"]),
    ],
)
def test_the_series_of_an_expression_are_found(expression: str, series: list[str]) -> None:
    assert [name for name, _ in queries.use_of(expression).series] == series
    assert queries.complaints(expression, KNOWN) == []


def test_labels_are_found_in_selectors_and_in_groupings() -> None:
    use = queries.use_of('sum by (who, job) (a_total{who=~"x|y", job!="z"})')
    assert use.series == (("a_total", frozenset({"who", "job"})),)
    assert use.grouping == {"who", "job"}


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("rate(b_total[5m])", "nobody exports b_total"),
        ('a_total{whom="x"}', "a_total has no label whom"),
        ("sum by (whom) (a_total)", "no series has the label whom"),
        ("sum by (who) (up)", "no series has the label who"),
        ("vector(1)", "names no series"),
        ("up and running", "nobody exports running"),
    ],
)
def test_what_is_not_exported_is_complained_of(expression: str, complaint: str) -> None:
    (found,) = queries.complaints(expression, KNOWN)
    assert found.startswith(complaint)
