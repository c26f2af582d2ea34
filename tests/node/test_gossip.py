"""Items between nodes: whole, canonical, or refused by name."""

import pytest

from alys.node import gossip

ITEM = gossip.Approval(root=bytes(32), authority_index=1, signature=bytes(96))


def test_what_is_sent_is_what_is_read() -> None:
    assert gossip.decode(gossip.encode(ITEM)) == ITEM


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "version none"),
        (b"\x02" + gossip.encode(ITEM)[1:], "version 02, known is 01"),
        (gossip.encode(ITEM)[:-1], "truncated"),
        (gossip.encode(ITEM) + b"\x00", "trailing"),
        (b"\x01\x81\xa4type\xa4nope", "nope"),
        (bytes(gossip.ITEM_BYTES_MAX + 1), "at most"),
        (b"\x01\x82\xa4type\xa6status\xa1x" + b"\x91" * 200_000 + b"\xc0", "recursion"),
    ],
)
def test_what_is_no_item_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(gossip.BadGossip, match=reason):
        gossip.decode(data)
