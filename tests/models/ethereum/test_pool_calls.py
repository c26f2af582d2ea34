"""txpool_: what follows without a gap is pending, the rest queued; shapes are geth's."""

from alys.wire.ethereum import checksum_address, to_data
from tests.models.ethereum.builders import ETHER, PAYEE, USER, make_node, mined, send, signed

WHO = checksum_address(USER)


def test_an_empty_pool_has_the_shape_of_a_full_one() -> None:
    node = make_node()
    assert node.handle("txpool_status", []) == {"pending": "0x0", "queued": "0x0"}
    for method, params in (
        ("txpool_content", []),
        ("txpool_inspect", []),
        ("txpool_contentFrom", [WHO]),
    ):
        assert node.handle(method, params) == {"pending": {}, "queued": {}}


def test_a_gap_in_the_nonces_parts_pending_from_queued() -> None:
    node = make_node()
    first, late = send(node, signed(0)), send(node, signed(2))
    assert node.handle("txpool_status", []) == {"pending": "0x1", "queued": "0x1"}
    content = node.handle("txpool_content", [])
    assert content["pending"][WHO]["0"]["hash"] == first
    assert content["queued"][WHO]["2"]["hash"] == late
    assert content["queued"][WHO]["2"]["blockHash"] is None
    own = node.handle("txpool_contentFrom", [to_data(USER)])
    assert (list(own["pending"]), list(own["queued"])) == (["0"], ["2"])
    send(node, signed(1))
    assert node.handle("txpool_status", []) == {"pending": "0x3", "queued": "0x0"}
    mined(node)
    assert node.handle("txpool_status", []) == {"pending": "0x0", "queued": "0x0"}


def test_inspect_is_a_line_for_each() -> None:
    node = make_node()
    send(node, signed(0, value=ETHER))
    send(node, signed(1, to=None, gas=60_000, value=0))
    lines = node.handle("txpool_inspect", [])["pending"][WHO]
    assert lines == {
        "0": f"{checksum_address(PAYEE)}: {ETHER} wei + 21000 gas × 3000000000 wei",
        "1": "contract creation: 0 wei + 60000 gas × 3000000000 wei",
    }
