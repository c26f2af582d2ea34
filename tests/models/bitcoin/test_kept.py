"""The area that outlives the process: what is written, and what of it is news."""

from alys.models.bitcoin.kept import Kept


def test_values_by_name_and_what_changed() -> None:
    kept = Kept()
    kept.put("b/1", b"x")
    kept.put("a", b"y")
    kept.put("b/0", b"z")
    assert kept.get("a") == b"y"
    assert kept.get("c") is None
    assert list(kept.under("b/").items()) == [("b/0", b"z"), ("b/1", b"x")]
    assert kept.changed == {"a", "b/0", "b/1"}
    kept.changed.clear()
    kept.put("a", b"y")
    kept.remove("c")
    assert not kept.changed, "nothing is another than before"
    kept.remove("a")
    assert (kept.get("a"), kept.changed) == (None, {"a"})
