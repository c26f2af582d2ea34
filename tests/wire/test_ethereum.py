"""Ethereum's formats against published vectors, the specification's own recovery, and hand-written ABI words."""

from typing import Any

import pytest
from ethereum.forks.shanghai.transactions import decode_transaction, recover_sender
from ethereum_types.numeric import U64
from hypothesis import given
from hypothesis import strategies as st

from alys.wire import ethereum
from alys.wire.ethereum import BadEthereumData

SECRET_ONE = (1).to_bytes(32, "big")
ADDRESS_ONE = bytes.fromhex(
    "7e5f4552091a69125d5dfcb7b8c2659029395bdf"
)  # of secret 1, widely published
CALLER = b"\x07" * 20


def word(number: int) -> str:
    return f"{number:064x}"


def peg_out_log(text: bytes = b"bcrt1q", wei: int = 10**18, **changes: Any) -> dict[str, Any]:
    padded = text + bytes(-len(text) % 32)
    return {
        "address": "0x" + "bb" * 20,
        "topics": [ethereum.REQUEST_PEG_OUT_TOPIC, "0x" + CALLER.rjust(32, b"\0").hex()],
        "data": "0x" + word(64) + word(wei) + word(len(text)) + padded.hex(),
        "transactionHash": "0x" + "ab" * 32,
        "logIndex": "0x3",
        **changes,
    }


@given(st.integers(0, 1 << 256))
def test_a_quantity_comes_back(number: int) -> None:
    assert ethereum.from_quantity(ethereum.to_quantity(number)) == number


@pytest.mark.parametrize(("number", "text"), [(0, "0x0"), (65, "0x41"), (1024, "0x400")])
def test_quantities_are_written_as_the_specification_shows(number: int, text: str) -> None:
    assert ethereum.to_quantity(number) == text


@pytest.mark.parametrize(
    "text", ["0x", "0x0400", "0x00", "ff", "0xfg", "0x1_0", "0x 1", "0x-1", "0x\u0663", 5]
)
def test_what_is_no_quantity_is_refused(text: object) -> None:
    with pytest.raises(BadEthereumData, match=r"^gas: ") as refused:
        ethereum.from_quantity(text, "gas")
    assert refused.value.what == "gas"


def test_a_negative_quantity_is_never_written() -> None:
    with pytest.raises(BadEthereumData):
        ethereum.to_quantity(-1)


@given(st.binary(max_size=64))
def test_data_comes_back_with_its_zeros(data: bytes) -> None:
    assert ethereum.from_data(ethereum.to_data(data)) == data
    assert ethereum.from_data(ethereum.to_data(data), len(data)) == data


@pytest.mark.parametrize("text", ["0xf", "0xgg", "004200", "0x 00", "0x00\n", None, b"0x00"])
def test_what_is_no_data_is_refused(text: object) -> None:
    with pytest.raises(BadEthereumData):
        ethereum.from_data(text)


def test_data_of_another_length_is_refused_with_both_lengths() -> None:
    with pytest.raises(BadEthereumData, match="needs 20 bytes, has 2"):
        ethereum.from_data("0x0000", 20, "address")


def test_keccak_is_not_sha3() -> None:
    nothing = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert ethereum.keccak256(b"").hex() == nothing


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksums_are_those_of_eip_55(address: str) -> None:
    assert ethereum.checksum_address(bytes.fromhex(address[2:])) == address


def test_the_address_of_the_first_secret_is_the_known_one() -> None:
    assert ethereum.address_of(SECRET_ONE) == ADDRESS_ONE


@given(
    st.integers(0, 1 << 64),
    st.one_of(st.none(), st.binary(min_size=20, max_size=20)),
    st.integers(0, 1 << 200),
    st.binary(max_size=100),
)
def test_the_specification_reads_what_was_signed_and_recovers_the_signer(
    nonce: int, to: bytes | None, value: int, data: bytes
) -> None:
    raw = ethereum.sign_transaction(
        SECRET_ONE,
        chain_id=121212,
        nonce=nonce,
        to=to,
        value=value,
        data=data,
        gas=21_000,
        max_fee=30,
        max_tip=2,
    )
    read: Any = decode_transaction(raw)
    assert (int(read.nonce), bytes(read.to), int(read.value)) == (nonce, to or b"", value)
    assert (int(read.max_fee_per_gas), int(read.max_priority_fee_per_gas)) == (30, 2)
    assert (bytes(read.data), int(read.gas), int(read.chain_id)) == (data, 21_000, 121212)
    assert bytes(recover_sender(U64(121212), read)) == ADDRESS_ONE


def test_the_hash_of_a_transaction_is_that_of_its_bytes() -> None:
    assert ethereum.transaction_hash(b"") == ethereum.to_data(ethereum.keccak256(b""))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [("address_of", [b"short"]), ("checksum_address", [b"\1" * 21])],
)
def test_keys_and_addresses_of_the_wrong_length_are_refused(
    function: str, arguments: list[Any]
) -> None:
    with pytest.raises(BadEthereumData):
        getattr(ethereum, function)(*arguments)


def test_selector_and_topic_are_the_hashes_of_the_signatures() -> None:
    selector = ethereum.keccak256(b"requestPegOut(bytes)")[:4]
    assert selector == ethereum.REQUEST_PEG_OUT_SELECTOR
    topic = ethereum.to_data(ethereum.keccak256(b"RequestPegOut(address,bytes,uint256)"))
    assert topic == ethereum.REQUEST_PEG_OUT_TOPIC


def test_calldata_is_offset_length_and_padded_text() -> None:
    expected = "9911dc74" + word(32) + word(3) + b"abc".hex().ljust(64, "0")
    assert ethereum.encode_request_peg_out("abc").hex() == expected
    assert len(ethereum.encode_request_peg_out("a" * 32)) == 4 + 3 * 32


@given(st.binary(max_size=100), st.integers(0, (1 << 256) - 1))
def test_a_request_is_read_back_from_its_log(text: bytes, wei: int) -> None:
    event = ethereum.decode_request_peg_out(peg_out_log(text, wei))
    assert (event.caller, event.address, event.wei) == (CALLER, text, wei)
    assert (event.tx_hash, event.log_index) == ("0x" + "ab" * 32, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "0x" + "bc" * 20},
        {"topics": ["0x" + "11" * 32, "0x" + "00" * 32]},
        {"topics": []},
        {"topics": [ethereum.REQUEST_PEG_OUT_TOPIC]},
        {"data": "0x"},
        {"data": "0x" + word(64) + word(1)},
        {"data": "0x" + word(64) + word(1) + word(33) + word(0)},
        {"data": "0x" + word((1 << 256) - 1) + word(1) + word(0)},
        {"logIndex": None},
    ],
    ids=[
        "another contract",
        "another event",
        "anonymous",
        "no caller",
        "no data",
        "no text",
        "text cut short",
        "offset far away",
        "no index",
    ],
)
def test_a_log_that_is_no_request_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadEthereumData):
        ethereum.decode_request_peg_out(peg_out_log(**changes))


def test_only_the_bridge_contracts_own_logs_are_requests() -> None:
    assert ethereum.is_request_peg_out(peg_out_log())
    assert not ethereum.is_request_peg_out(peg_out_log(address="0x" + "bc" * 20))
    assert ethereum.is_request_peg_out(peg_out_log(address="0x" + "cc" * 20), b"\xcc" * 20)
