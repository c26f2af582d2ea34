"""Two answers beside each other."""

from tests.contract.comparison import Unlike, walk
from tests.contract.ethereum.client import Answer


def unlike(ours: Answer, theirs: Answer) -> list[Unlike]:
    """Where two answers differ: in any value, or in an error's code and data. Words are each client's own."""
    if ours.code is None and theirs.code is None:
        return list(walk("", ours.result, theirs.result))
    if ours.code != theirs.code:
        shown = [
            one.result if one.code is None else f"{one.code} {one.message}"
            for one in (ours, theirs)
        ]
        return [Unlike(path="error", ours=shown[0], theirs=shown[1])]
    return list(walk("data", ours.data, theirs.data))
