"""The node's RPC table: each method asks one actor one question, and every mistake has its code."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.actors.errors import ActorStopped
from alys.actors.message import Request
from alys.chain import state
from alys.chain.spec import dev_spec
from alys.node import (
    api,
    federation_desk,
    messages,
    network,
    peers,
    questions,
    storage,
    stream,
    sync,
)
from alys.node.api import Question
from alys.node.work import NO_WORK, SYNCING
from alys.wire.jsonrpc import INVALID_REQUEST, RpcError
from tests.chain.chains import genesis, grow, pow_header

SPEC = dev_spec(bytes(32))
ADDRESS = "0x" + "aa" * 20
HASH = "0b" * 32


@pytest.mark.parametrize(
    ("method", "params", "actor", "request_"),
    [
        ("createauxblock", [ADDRESS], "chain", questions.CreateAuxBlock(fee_recipient=b"\xaa" * 20)),
        ("createauxblock", ["aa" * 20], "chain", questions.CreateAuxBlock(fee_recipient=b"\xaa" * 20)),
        ("submitauxblock", [HASH, "0c"], "chain", questions.SubmitAuxBlock(aux_hash=b"\x0b" * 32, auxpow=b"\x0c")),
        ("getblockbyheight", [7], "chain", questions.GetBlockAt(height=7)),
        ("getblockbyhash", ["0x" + "01" * 32], "chain", questions.GetBlockByRoot(root=b"\x01" * 32)),
        ("getblockbyhash", ["01" * 32], "chain", questions.GetBlockByRoot(root=b"\x01" * 32)),
        ("getheadblock", [], "chain", questions.GetBlockAt(height=questions.HEAD)),
        ("getqueuedpow", [], "chain", questions.GetQueuedPow()),
        ("alys_status", [], "chain", messages.GetStatus()),
        ("alys_announceDeposit", ["ab" * 32], "bridge", messages.AnnounceDeposit(txid="ab" * 32)),
        ("alys_pauseProduction", ["why"], "chain", questions.PauseProduction(reason="why")),
        (
            "alys_pauseProduction",
            ["why", 30],
            "chain",
            questions.PauseProduction(reason="why", seconds=30),
        ),
        ("alys_pauseProduction", [], "chain", questions.PauseProduction(reason="by request")),
        ("alys_resumeProduction", [], "chain", questions.ResumeProduction()),
        ("alys_snapshot", [], "storage", storage.TakeSnapshot()),
        ("alys_snapshot", ["before-the-update"], "storage", storage.TakeSnapshot(name="before-the-update")),
        ("getdepositaddress", [], "chain", federation_desk.GetDepositAddress()),
        ("alys_federation", [], "chain", federation_desk.GetGovernance()),
        ("alys_announcements", [], "stream", stream.GetAnnouncements()),
        ("alys_peers", [], "network", network.GetPeers()),
        ("alys_peerRecords", [], "peer", peers.GetPeerRecords()),
        ("alys_sync", [], "sync", sync.GetSyncStatus()),
    ],
)  # fmt: skip
def test_a_method_is_a_question(method: str, params: list[Any], actor: str, request_: Any) -> None:
    asked = api.question(SPEC, method, params)
    assert isinstance(asked, Question)
    assert (asked.actor, asked.request) == (actor, request_)


@pytest.mark.parametrize(
    ("method", "params", "named"),
    [
        ("createauxblock", [], "createauxblock takes address"),
        ("createauxblock", ["0x12"], "address: needs 20 bytes, has 1"),
        ("createauxblock", [None], "address must be a string"),
        ("submitauxblock", [HASH], "submitauxblock takes hash, auxpow"),
        ("submitauxblock", ["zz", "00"], "hash"),
        ("submitauxblock", [HASH[2:], "00"], "hash: needs 32 bytes, has 31"),
        ("submitauxblock", [HASH, "0"], "auxpow"),
        ("submitauxblock", [HASH, "0 0c"], "auxpow"),
        ("getblockbyheight", ["seven"], "height must be a number"),
        ("getblockbyheight", [True], "height must be a number"),
        ("getblockbyheight", [-1], "height -1 is none"),
        ("getblockbyheight", [1 << 64], "height 18446744073709551616 is none"),
        ("getblockbyheight", [1, 2], "getblockbyheight takes height"),
        ("getblockbyhash", ["0x00"], "hash: needs 32 bytes"),
        ("getdepositaddress", [1], "getdepositaddress takes no parameters"),
        ("getheadblock", [1], "getheadblock takes no parameters"),
        ("alys_announceDeposit", ["ab"], "txid: needs 32 bytes"),
        ("alys_snapshot", ["../elsewhere"], "name has what a folder cannot be called"),
        ("alys_snapshot", [7], "name must be a string"),
        ("alys_pauseProduction", [7], "reason must be a string"),
        ("alys_pauseProduction", ["why", 0], "seconds must be a number above 0"),
        ("alys_pauseProduction", ["why", True], "seconds must be a number above 0"),
        ("alys_pauseProduction", [1, 2, 3], r"alys_pauseProduction takes \[reason\], \[seconds\]"),
    ],
)
def test_wrong_parameters_are_refused_by_name(method: str, params: list[Any], named: str) -> None:
    with pytest.raises(RpcError, match=named) as refused:
        api.question(SPEC, method, params)
    assert refused.value.code == api.BAD_PARAMS
    assert refused.value.message.startswith(f"Invalid params: {method}")


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(RpcError, match="Method not found: nosuchmethod") as refused:
        api.question(SPEC, "nosuchmethod", [])
    assert refused.value.code == api.METHOD_NOT_FOUND


def test_a_block_that_is_not_there_is_an_error_and_not_null() -> None:
    asked = api.question(SPEC, "getblockbyheight", [7])
    assert isinstance(asked, Question)
    with pytest.raises(RpcError) as refused:
        asked.show(None)
    assert refused.value.code == api.BLOCK_NOT_FOUND


def test_the_queued_proof_is_shown_as_a_block_will_show_it() -> None:
    asked = api.question(SPEC, "getqueuedpow", [])
    assert isinstance(asked, Question)
    assert asked.show(None) is None
    header = pow_header(grow(state.genesis_state(genesis())))
    assert header.auxpow is not None
    shown = asked.show(header)
    assert (shown["height"], shown["bits"], shown["auxpow"]) == (1, "207fffff", header.auxpow.hex())
    assert list(shown) == [
        "rangeStart", "rangeEnd", "bits", "chainId", "height", "feeRecipient", "auxpow",
    ]  # fmt: skip


# Frames


def test_a_call_of_the_fields_version_has_params() -> None:
    call = api.read_call({"method": "getheadblock", "params": [], "id": 3})
    assert (call.method, call.params, call.id, call.modern) == ("getheadblock", [], 3, False)
    for params in ({}, {"params": None}):
        with pytest.raises(api.Refused, match="params are missing") as refused:
            api.read_call({"method": "getheadblock", "id": 3, **params})
        assert (refused.value.id, refused.value.modern) == (3, False)


def test_a_single_parameter_may_stand_bare() -> None:
    for bare in (7, "0xab"):
        assert api.read_call({"method": "m", "params": bare, "id": 1}).params == [bare]


def test_a_call_of_version_2_may_leave_params_out() -> None:
    call = api.read_call({"jsonrpc": "2.0", "method": "getheadblock", "id": 3})
    assert (call.params, call.modern) == ([], True)


@pytest.mark.parametrize("came", [None, 7, "x", {}, {"method": 7, "params": []}])
def test_what_is_no_call_is_refused(came: Any) -> None:
    with pytest.raises(api.Refused, match="a call is an object with a method"):
        api.read_call(came)


def test_an_answer_speaks_the_version_of_its_call() -> None:
    assert api.told(3, False, 7) == (200, {"result": 7, "error": None, "id": 3})
    assert api.told(3, True, None) == (200, {"jsonrpc": "2.0", "result": None, "id": 3})
    error = RpcError(api.METHOD_NOT_FOUND, "no", data=[1])
    shown = {"code": -32601, "message": "no", "data": [1]}
    assert api.told(3, False, error) == (404, {"result": None, "error": shown, "id": 3})
    assert api.told(3, True, error) == (200, {"jsonrpc": "2.0", "error": shown, "id": 3})


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (INVALID_REQUEST, 200),
        (api.METHOD_NOT_FOUND, 404),
        (api.BAD_PARAMS, 400),
        (api.BLOCK_NOT_FOUND, 200),
        (api.FAILED, 500),
        (SYNCING, 503),
        (NO_WORK, 200),
    ],
)
def test_refusals_have_the_statuses_of_the_field(code: int, status: int) -> None:
    assert api.told(1, False, RpcError(code, ""))[0] == status
    assert api.told(1, True, RpcError(code, ""))[0] == (503 if code == SYNCING else 200)


# Asking


def test_an_actor_that_does_not_answer_is_named() -> None:
    async def away(actor: str, request: Request[Any]) -> Any:
        raise ActorStopped("/alys/node/chain", type(request).__name__)

    with pytest.raises(RpcError, match=r"chain did not answer: .*GetStatus") as refused:
        asyncio.run(api.answer(SPEC, away, "alys_status", []))
    assert refused.value.code == api.FAILED


def test_an_actors_refusal_comes_as_it_is() -> None:
    async def busy(actor: str, request: Request[Any]) -> Any:
        raise RpcError(SYNCING, "Chain is syncing")

    with pytest.raises(RpcError, match="Chain is syncing") as refused:
        asyncio.run(api.answer(SPEC, busy, "createauxblock", [ADDRESS]))
    assert refused.value.code == SYNCING


def test_sync_is_shown_by_name() -> None:
    asked = api.question(SPEC, "alys_sync", [])
    assert isinstance(asked, Question)
    status = sync.SyncStatus(
        phase="following",
        synced=True,
        own_height=7,
        best_height=8,
        peer="a",
        checkpoints=(0, 100),
        claims=(("a", 8, True),),
    )
    assert asked.show(status) == {
        "phase": "following",
        "synced": True,
        "ownHeight": 7,
        "bestHeight": 8,
        "peer": "a",
        "checkpoints": [0, 100],
        "claims": [{"peer": "a", "height": 8, "believed": True}],
    }


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
HEXES = st.binary(max_size=33).map(bytes.hex)


@given(
    method=st.sampled_from(sorted({*api.METHODS, *api.AT_ONCE})),
    params=st.lists(VALUES | HEXES | HEXES.map("0x".__add__), max_size=3),
)
def test_whatever_comes_is_a_question_or_refused(method: str, params: list[Any]) -> None:
    code, said = api.BAD_PARAMS, method
    try:
        api.question(SPEC, method, params)
    except RpcError as error:
        code, said = error.code, error.message
    assert code == api.BAD_PARAMS
    assert method in said


@given(
    came=VALUES | st.dictionaries(st.sampled_from(["method", "params", "id", "jsonrpc"]), VALUES)
)
def test_whatever_comes_is_a_call_or_refused(came: Any) -> None:
    said = ""
    try:
        assert isinstance(api.read_call(came).params, list)
    except api.Refused as error:
        said = str(error)
    assert said.startswith("Invalid Request: ") or not said
