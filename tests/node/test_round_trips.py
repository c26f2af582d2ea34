"""Every message, state and record comes back from its bytes as it was, in one encoding only, and damaged bytes have one error.

Messages are found by walking subclasses, records by what the modules' own names say, so that a new one is not forgotten.
"""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import alys.chain
import alys.node
from alys.actors.message import Message
from alys.base.errors import AlysError
from alys.chain import blocks, federation_update, forkchoice, state
from alys.chain.blocks import BadBlock, SignedBlock
from alys.chain.spec import dev_federation
from alys.chain.state import Facts, PegState
from alys.node import branches, gate, gossip, operations, orders, peers, records
from alys.node.errors import CorruptRecord
from alys.sim import bodies
from alys.wire import auxpow, bitcoin
from tests.chain.chains import announcement, evidence, genesis, grow, pow_header, proof
from tests.node import values

ENCODER = msgspec.msgpack.Encoder(order="deterministic")
FEW = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])


def modules(package: Any) -> list[Any]:
    names = [found.name for found in pkgutil.iter_modules(package.__path__)]
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from below(one)


def messages() -> list[type[Message]]:
    """Of the node's actors; a generic base that nobody sends is none (``Request[...]``)."""
    modules(alys.node)
    found = {
        one.__qualname__: one for one in below(Message) if one.__module__.startswith("alys.node.")
    }
    return [found[name] for name in sorted(found)]


MESSAGES = messages()


def test_the_walk_finds_what_the_node_has() -> None:
    """Each module that defines a struct on ``Message`` is there."""
    assert {"BlockProposed", "SaveRecords", "GetStatus", "SlotTick"} <= {
        m.__name__ for m in MESSAGES
    }
    assert len(MESSAGES) > 100


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_a_message_comes_back_as_it_was(kind: type[Message]) -> None:
    @FEW
    @given(values.of(kind))
    def holds(message: Message) -> None:
        data = ENCODER.encode(message)
        back = msgspec.msgpack.decode(data, type=kind)
        assert back == message
        assert type(back) is kind
        assert ENCODER.encode(back) == data
        assert bodies.plain(back) == bodies.plain(message)

    holds()


# What is stored

LAYOUT = [records.HeadMark, records.TreeEntry, records.Seal]
"""Written by Storage itself."""

BY_ACTORS = [
    operations.PeginRecord,
    operations.PegoutRecord,
    operations.PayoutRecord,
    operations.Cursor,
    operations.Incident,
    orders.Halt,
    peers.Record,
    gate.Pause,
    branches._Beside,
    forkchoice.Vote,
]
"""Written by actors as bytes of a named record."""


OTHERWISE = {"SignedBlock", "PegState", "Item", "SignedV1", "StateV1", "kind"}
"""Forms below, what only the migration reads, and the parameter of those who read any kind."""


def read_somewhere() -> set[str]:
    """The types that the node's sources name where they decode."""
    sources = [Path(module.__file__).read_text(encoding="utf-8") for module in modules(alys.node)]
    found = [
        re.findall(r"msgpack\.decode\([^)]*?type=(\w+)", source)
        + re.findall(r"msgpack\.Decoder\((?:tuple\[)?(\w+)", source)
        for source in sources
    ]
    return {name for names in found for name in names}


def named_records() -> set[str]:
    """Structs of the node that call themselves records."""
    return {
        name
        for module in modules(alys.node)
        for name, one in vars(module).items()
        if isinstance(one, type)
        and issubclass(one, msgspec.Struct)
        and not issubclass(one, Message)
        and name.endswith("Record")
    }


def test_no_record_is_forgotten() -> None:
    assert len(read_somewhere()) > 5
    covered = {kind.__name__ for kind in (*LAYOUT, *BY_ACTORS)}
    assert (read_somewhere() | named_records()) - OTHERWISE <= covered


KEY = records.record_key("table", "name")


@pytest.mark.parametrize("kind", LAYOUT, ids=lambda kind: kind.__name__)
def test_what_storage_writes_comes_back_from_the_store_as_it_was(kind: type[Any]) -> None:
    @FEW
    @given(values.of(kind), st.data())
    def holds(record: Any, data: st.DataObject) -> None:
        packed = records.pack(KEY, record)
        assert records.unpack(KEY, packed, kind) == record
        assert records.pack(KEY, records.unpack(KEY, packed, kind)) == packed
        only_whole(packed, kind, data)

    holds()


@pytest.mark.parametrize("kind", BY_ACTORS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_record_of_an_actor_comes_back_from_the_store_as_it_was(kind: type[Any]) -> None:
    @FEW
    @given(values.of(kind), st.data())
    def holds(record: Any, data: st.DataObject) -> None:
        body = msgspec.msgpack.encode(record)
        packed = records.pack(KEY, body)
        back = msgspec.msgpack.decode(records.unpack(KEY, packed, bytes), type=kind)
        assert back == record
        assert msgspec.msgpack.encode(back) == body
        only_whole(packed, bytes, data)

    holds()


def only_whole(packed: bytes, kind: type[Any], data: st.DataObject) -> None:
    """What was damaged, or stands under another's key, is found."""
    spoilt = damaged(packed, data)
    if spoilt != packed:
        with pytest.raises(CorruptRecord, match="record/table/name"):
            records.unpack(KEY, spoilt, kind)
    with pytest.raises(CorruptRecord):
        records.unpack(records.record_key("table", "other"), packed, kind)


# Bytes that others send, or that a crash may have left


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of bytes: how to make, write and read them, and the error that damage has."""

    values: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    error: type[Exception]
    canonical: bool = True
    """Other bytes for the same value are refused."""


def items() -> Any:
    return values.of(gossip.Item)


FORMS = {
    "block": Form(
        values=values.of(SignedBlock), encode=blocks.encode, decode=blocks.decode, error=BadBlock
    ),
    "state": Form(
        values=values.of(PegState),
        encode=state.encode,
        decode=state.decode,
        error=msgspec.MsgspecError,
        canonical=False,
    ),
    "gossip": Form(
        values=items(), encode=gossip.encode, decode=gossip.decode, error=gossip.BadGossip
    ),
    "auxpow": Form(
        values=st.binary(min_size=32, max_size=32).map(proof),
        encode=auxpow.encode,
        decode=auxpow.decode,
        error=bitcoin.MalformedBitcoin,
    ),
}


def damaged(data: bytes, draw: st.DataObject) -> bytes:
    """The bytes with one of them changed, or some cut off, or some put in."""
    place = draw.draw(st.integers(0, len(data) - 1))
    kind = draw.draw(st.sampled_from(["flip", "cut", "put"]))
    if kind == "cut":
        return data[:place]
    if kind == "put":
        return data[:place] + draw.draw(st.binary(min_size=1, max_size=8)) + data[place:]
    flip = draw.draw(st.integers(1, 255))
    return data[:place] + bytes((data[place] ^ flip,)) + data[place + 1 :]


@pytest.mark.parametrize("name", FORMS)
def test_bytes_come_back_as_they_were(name: str) -> None:
    form = FORMS[name]

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
    @given(form.values)
    def holds(value: Any) -> None:
        data = form.encode(value)
        assert form.decode(data) == value
        assert form.encode(form.decode(data)) == data

    holds()


@pytest.mark.parametrize("name", FORMS)
def test_damaged_bytes_have_their_error_and_no_other(name: str) -> None:
    """What still reads as something is another value, and where the encoding is canonical these are its bytes."""
    form = FORMS[name]

    @settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
    @given(form.values, st.data())
    def holds(value: Any, draw: st.DataObject) -> None:
        data = form.encode(value)
        spoilt = damaged(data, draw)
        try:
            read = form.decode(spoilt)
        except form.error:
            return
        if spoilt != data and form.canonical:
            assert read != value
            assert form.encode(read) == spoilt

    holds()


@pytest.mark.parametrize("name", FORMS)
def test_a_part_of_the_bytes_is_never_the_whole(name: str) -> None:
    form = FORMS[name]

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
    @given(form.values, st.data())
    def holds(value: Any, draw: st.DataObject) -> None:
        data = form.encode(value)
        cut = draw.draw(st.integers(0, len(data) - 1))
        with pytest.raises(form.error):
            form.decode(data[:cut])

    holds()


@pytest.mark.parametrize("name", FORMS)
@given(noise=st.binary(max_size=300))
def test_noise_has_its_error_and_no_other(name: str, noise: bytes) -> None:
    with pytest.raises(FORMS[name].error):
        FORMS[name].decode(noise)


NESTED = b"\x91" * 200_000
"""Arrays in arrays, deeper than any decoder's stack."""


@pytest.mark.parametrize("name", ["block", "state", "gossip"])
def test_what_nests_too_deep_is_refused_like_any_other_damage(name: str) -> None:
    """A peer can send it: the decoder's own error must not reach an actor."""
    version = bytes((gossip.WIRE_VERSION,)) if name == "gossip" else b""
    with pytest.raises(FORMS[name].error):
        FORMS[name].decode(version + b"\x82\xa1x" + NESTED)


def test_a_stored_value_that_nests_too_deep_is_corrupt() -> None:
    body = b"\x82\xa1x" + NESTED
    data = bytes((records.RECORD_VERSION,)) + records.tag(KEY, body) + body
    with pytest.raises(CorruptRecord, match="record/table/name"):
        records.unpack(KEY, data, PegState)


@given(data=st.data())
def test_evidence_that_was_damaged_on_its_way_proves_nothing(data: st.DataObject) -> None:
    """Every bit of it is signed, or is a signature; there is one encoding."""
    whole = evidence(announcement(50, 1, 2, 4), 1, 2)
    assert federation_update.read(whole, dev_federation()).effective_height == 50
    spoilt = damaged(whole, data)
    assume(spoilt != whole)
    with pytest.raises(federation_update.BadUpdate):
        federation_update.read(spoilt, dev_federation())


# States as blocks make them


def test_states_and_blocks_of_a_chain_come_back_and_go_on_alike() -> None:
    now = state.genesis_state(genesis())
    for number in range(1, 12):
        wishes = {"header": pow_header(now)} if number % 4 == 0 else {}
        again = state.decode(state.encode(now))
        assert again == now
        assert state.encode(again) == state.encode(now)
        now, twin = grow(now, **wishes), grow(again, **wishes)
        assert state.encode(twin) == state.encode(now)


def test_facts_have_room_for_every_amount_of_wei() -> None:
    """Tips of a block may exceed 64 bits; they are kept in memory, and in the state as bytes."""
    now = grow(state.genesis_state(genesis()), facts={"parent_tips": 2**70})
    assert state.decode(state.encode(now)).tips_wei == 2**70
    assert issubclass(BadBlock, AlysError)
    assert Facts(now=0.0).parent_tips == 0
