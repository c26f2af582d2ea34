"""The node's RPC table: each method asks one actor one question, and every mistake has its code."""

from typing import Any

import pytest

from alys.chain.spec import dev_spec
from alys.node import api, federation_desk, messages, questions, stream
from alys.node.api import Question
from alys.wire.jsonrpc import RpcError

SPEC = dev_spec(bytes(32))
ADDRESS = "0x" + "aa" * 20


@pytest.mark.parametrize(
    ("method", "params", "actor", "request_"),
    [
        ("createauxblock", [ADDRESS], "chain", questions.CreateAuxBlock(fee_recipient=b"\xaa" * 20)),
        ("submitauxblock", ["0b", "0c"], "chain", questions.SubmitAuxBlock(aux_hash=b"\x0b", auxpow=b"\x0c")),
        ("getblockbyheight", [7], "chain", questions.GetBlockAt(height=7)),
        ("getblockbyhash", ["0x" + "01" * 32], "chain", questions.GetBlockByRoot(root=b"\x01" * 32)),
        ("getheadblock", [], "chain", questions.GetBlockAt(height=questions.HEAD)),
        ("getqueuedpow", [], "chain", questions.GetQueuedPow()),
        ("alys_status", [], "chain", messages.GetStatus()),
        ("alys_announceDeposit", ["ab"], "bridge", messages.AnnounceDeposit(txid="ab")),
        ("alys_pauseProduction", ["why"], "chain", questions.PauseProduction(reason="why")),
        ("alys_resumeProduction", [], "chain", questions.ResumeProduction()),
        ("getdepositaddress", [], "chain", federation_desk.GetDepositAddress()),
        ("alys_federation", [], "chain", federation_desk.GetGovernance()),
        ("alys_announcements", [], "stream", stream.GetAnnouncements()),
    ],
)  # fmt: skip
def test_a_method_is_a_question(method: str, params: list[Any], actor: str, request_: Any) -> None:
    asked = api.question(SPEC, method, params)
    assert isinstance(asked, Question)
    assert (asked.actor, asked.request) == (actor, request_)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nosuchmethod", [], api.METHOD_NOT_FOUND),
        ("createauxblock", [], api.BAD_PARAMS),
        ("createauxblock", ["0x12"], api.BAD_PARAMS),
        ("submitauxblock", ["zz", "00"], api.BAD_PARAMS),
        ("getblockbyheight", ["seven"], api.BAD_PARAMS),
        ("getblockbyheight", [1, 2], api.BAD_PARAMS),
        ("getblockbyhash", ["0x00"], api.BAD_PARAMS),
    ],
)
def test_a_wrong_call_is_refused_with_its_code(method: str, params: list[Any], code: int) -> None:
    with pytest.raises(RpcError) as refused:
        api.question(SPEC, method, params)
    assert refused.value.code == code
    assert method in refused.value.message


def test_a_block_that_is_not_there_is_an_error_and_not_null() -> None:
    asked = api.question(SPEC, "getblockbyheight", [7])
    assert isinstance(asked, Question)
    with pytest.raises(RpcError) as refused:
        asked.show(None)
    assert refused.value.code == api.BLOCK_NOT_FOUND
