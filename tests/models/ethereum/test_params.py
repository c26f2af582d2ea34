"""What callers may pass, and what they are told when they pass something else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.models.ethereum import params
from alys.wire.ethereum import BadEthereumData
from alys.wire.jsonrpc import RpcError
from tests.models.ethereum.builders import (
    PAYEE,
    USER,
    block_of,
    built,
    forkchoice,
    imported,
    make_node,
    mined,
)

TOPIC = "0x" + "11" * 32
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just("0x1")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def test_tags_numbers_and_hashes_name_blocks() -> None:
    node = make_node()
    first = block_of(node, mined(node))
    second = block_of(node, mined(node))
    for tag, block in (
        ("latest", second),
        ("earliest", node.tree.genesis),
        ("0x1", first),
        ({"blockNumber": "0x1"}, first),
        ({"blockHash": "0x" + first.hash.hex()}, first),
        ("0x" + first.hash.hex(), first),
    ):
        assert params.block(node.tree, tag) is block
    assert params.block(node.tree, "pending").parent_hash == second.hash
    assert params.block_or_none(node.tree, "0x3") is None
    with pytest.raises(RpcError, match="header not found") as missing:
        params.block(node.tree, "0x3")
    assert missing.value.code == -32000


def test_safe_and_finalized_are_not_found_before_a_forkchoice_named_them() -> None:
    node = make_node()
    first = mined(node)
    for tag in ("safe", "finalized"):
        with pytest.raises(RpcError, match=f"{tag} block not found"):
            params.block(node.tree, tag)
    forkchoice(node, first["blockHash"], safe=first["parentHash"], finalized=first["parentHash"])
    assert params.block(node.tree, "safe") is params.block(node.tree, "finalized")


def test_a_side_branch_is_found_by_hash_unless_it_must_be_canonical() -> None:
    node = make_node()
    side = built(node)
    assert imported(node, side)["status"] == "VALID"
    mined(node, seconds=4)
    named = {"blockHash": side["blockHash"]}
    assert params.block(node.tree, named) is block_of(node, side)
    with pytest.raises(RpcError, match="not currently canonical"):
        params.block(node.tree, {**named, "requireCanonical": True})


@given(JSON)
def test_nothing_else_names_a_block(tag: object) -> None:
    node = make_node()
    try:
        assert params.block_or_none(node.tree, tag) is None or tag in ("0x0", "0x00")
    except (BadEthereumData, RpcError):
        return


def test_a_call_is_read_with_its_defaults() -> None:
    call = params.call({}, 1000)
    assert (call.sender, call.to, call.data, call.value, call.gas) == (
        bytes(20),
        None,
        b"",
        0,
        1000,
    )
    asked = {
        "from": "0x" + USER.hex(),
        "to": "0x" + PAYEE.hex(),
        "data": "0x01",
        "input": "0x02",
        "value": "0x3",
        "gas": "0x4",
    }
    call = params.call(asked, 1000)
    assert (call.sender, call.to, call.data, call.value, call.gas) == (USER, PAYEE, b"\2", 3, 4)
    assert params.call({"data": "0x01", "gas": hex(2000)}, 1000).data == b"\1"
    assert params.call({"gas": hex(2000)}, 1000).gas == 1000


@pytest.mark.parametrize(
    "asked",
    [
        [],
        None,
        {"from": "0x12"},
        {"to": 5},
        {"data": "no"},
        {"value": 1},
        {"value": hex(1 << 256)},
        {"gas": "21000"},
    ],
)
def test_a_call_out_of_shape_is_refused(asked: Any) -> None:
    with pytest.raises(BadEthereumData):
        params.call(asked, 1000)


@pytest.mark.parametrize(("key", "number"), [("0x0", 0), ("0x01", 1), ("0x" + "0" * 63 + "f", 15)])
def test_a_storage_key_may_be_short(key: str, number: int) -> None:
    assert params.storage_key(key) == number.to_bytes(32, "big")


@pytest.mark.parametrize("key", ["0", 0, None, "0xzz", "0x" + "0" * 65])
def test_a_storage_key_is_at_most_a_word(key: object) -> None:
    with pytest.raises(BadEthereumData):
        params.storage_key(key)


def test_a_filter_is_read_by_position() -> None:
    raw = bytes.fromhex("11" * 32)
    assert params.addresses(None) == params.addresses([]) == frozenset()
    assert params.addresses("0x" + "Ab" * 20) == {b"\xab" * 20}
    listed = params.topics([None, TOPIC, [TOPIC], []])
    assert [set(choices) for choices in listed] == [set(), {raw}, {raw}, set()]
    assert params.topics([[TOPIC, None]]) == (frozenset(),)
    assert params.topics(None) == ()


@pytest.mark.parametrize("value", [TOPIC, ["0x11"], [[["0x11"]]], [TOPIC] * 5, [5]])
def test_topics_out_of_shape_are_refused(value: object) -> None:
    with pytest.raises(BadEthereumData):
        params.topics(value)
