"""Two answers beside each other, and what may differ between them."""

from tests.contract.bitcoin.service import Answer
from tests.contract.comparison import Unlike, walk


def unlike(ours: Answer, theirs: Answer, *, values: bool) -> list[Unlike]:
    """Where two answers differ; with ``values`` False only fields and types count, of errors everything always does."""
    if ours.code is not None or theirs.code is not None:
        pairs = [
            ("code", ours.code, theirs.code),
            ("message", first_line(ours.message), first_line(theirs.message)),
            ("status", ours.status, theirs.status),
        ]
        return [Unlike(path=path, ours=a, theirs=b) for path, a, b in pairs if a != b]
    found = list(walk("", ours.result, theirs.result, values=values))
    if ours.status != theirs.status:
        found.append(Unlike(path="status", ours=ours.status, theirs=theirs.status))
    return found


def first_line(message: str | None) -> str | None:
    """A message; of a help text, which is bitcoind's answer to too few or too many parameters, the usage alone."""
    if message is not None and "\n\nResult" in message:
        return message.partition("\n\n")[0]
    return message
