"""The page of what campaigns find."""

from benchmarks import detection

FOUND = {
    "seconds": 12.4,
    "mutants": [
        {"name": "sats-for-gwei", "area": "bridge", "found": True, "oracle": "ledger/mint_wrong",
         "seeds": 1, "seed": 0, "shrunk_faults": 0, "shrunk_work": 1},
        {"name": "range-not-checked", "area": "consensus", "found": True, "oracle": "forgery",
         "seeds": 63, "seed": 62, "shrunk_faults": 3, "shrunk_work": 2},
        {"name": "too-clever", "area": "storage", "found": False, "oracle": "",
         "seeds": 1000, "seed": None, "shrunk_faults": None, "shrunk_work": None},
    ],
}  # fmt: skip


def test_what_was_not_found_stands_there_too() -> None:
    """And is counted against the rest."""
    page = detection.page(FOUND, "abc1234")
    assert "At commit abc1234, **2 of 3** were found" in page
    assert "1 of them with the first seed" in page
    assert "the last after 63." in page
    assert "| `too-clever` | storage | **not found** |  |  |  |" in page
    assert "| `range-not-checked` | consensus | `forgery` | 63 | 3 | 2 |" in page
    assert "1 need no fault at all to show" in page
