"""A block is judged by facts of our own, and by our own execution client."""

from typing import Any

import msgspec
import pytest

from alys.actors.context import Context
from alys.chain import state
from alys.chain.blocks import SignedBlock
from alys.chain.state import Facts
from alys.chain.validity import AheadOfClock, Invalid, Reason
from alys.node.engine import Engine
from alys.node.errors import EngineRefused, PortDown
from alys.node.judging import CANNOT_JUDGE, NOTHING_LEFT, Judge, set_back
from alys.node.names import ChainNames
from alys.wire import ethereum
from tests.chain import chains
from tests.node.bench import Bench

NAMES = ChainNames(engine="engine", storage="storage", bitcoin="bitcoin", network="network")
CAN = ["engine_forkchoiceUpdatedV2", "engine_getPayloadV2", "engine_newPayloadV2"]
PARENT = state.genesis_state(chains.genesis())


class Client:
    """An execution client that says what it is told to say."""

    def __init__(self, status: str = "VALID", down: bool = False) -> None:
        self.status = status
        self.down = down
        self.executed = 0

    def answer(self, method: str, *params: Any) -> Any:
        if method == "engine_exchangeCapabilities":
            return CAN
        if self.down:
            raise PortDown("port", "away")
        if method == "engine_newPayloadV2":
            self.executed += 1
            return {"status": self.status, "latestValidHash": params[0]["blockHash"]}
        return []


def judged(block: SignedBlock, client: Client) -> Facts:
    bench = Bench()
    bench.service("port", client.answer)
    bench.service("bitcoin", lambda *_: None)
    bench.start("engine", lambda: Engine("port", None))
    judge = Judge(chains.SPEC, NAMES, chains.SCHEME)

    async def work(ctx: Context) -> Any:
        try:
            return await judge.judge(block, PARENT, NOTHING_LEFT, ctx)
        except (Invalid, *CANNOT_JUDGE) as error:
            return error

    bench.run_for(10)
    found = bench.within(work)
    if isinstance(found, Exception):
        raise found
    assert isinstance(found, Facts)
    return found


def block(**wishes: Any) -> SignedBlock:
    return chains.sign(chains.next_block(PARENT, **wishes)[0])


def test_a_sound_block_is_executed_once() -> None:
    client = Client()
    assert judged(block(), client).parent_requests == ()
    assert client.executed == 1


def test_a_block_that_breaks_a_rule_never_reaches_the_execution_client() -> None:
    client = Client()
    late = msgspec.structs.replace(block().block, slot=10**10)
    with pytest.raises(Invalid) as caught:
        judged(chains.sign(late), client)
    assert caught.value.reason is Reason.SLOT_IN_FUTURE
    assert client.executed == 0


def test_a_deposit_that_our_bitcoin_node_does_not_show_is_not_believed() -> None:
    with pytest.raises(Invalid) as caught:
        judged(block(deposits=[chains.deposit(1)]), Client())
    assert caught.value.reason is Reason.DEPOSIT_NOT_FOUND


def test_what_our_own_execution_client_calls_invalid_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        judged(block(), Client("INVALID"))
    assert caught.value.reason is Reason.PAYLOAD_NOT_VALID


@pytest.mark.parametrize("status", ["SYNCING", "ACCEPTED"])
def test_an_execution_client_that_cannot_tell_says_nothing_about_the_block(status: str) -> None:
    with pytest.raises(EngineRefused) as caught:
        judged(block(), Client(status))
    assert status in caught.value.reason


def test_an_execution_client_that_is_away_says_nothing_about_the_block() -> None:
    with pytest.raises(EngineRefused):
        judged(block(), Client(down=True))


def test_what_another_chain_left_is_nothing_to_answer_for() -> None:
    bench = Bench()
    burnt: dict[str, Any] = {
        "logs": [],
        "gasUsed": "0x5208",
        "effectiveGasPrice": ethereum.to_quantity(10),
    }

    def answer(method: str, *params: Any) -> Any:
        return CAN if method == "engine_exchangeCapabilities" else [burnt]

    bench.service("port", answer)
    bench.start("engine", lambda: Engine("port", None))
    judge = Judge(chains.SPEC, NAMES, chains.SCHEME)
    genesis = chains.genesis().block
    assert bench.within(lambda ctx: judge.left_by(genesis, ctx)) == NOTHING_LEFT
    assert bench.within(lambda ctx: judge.left_by(block().block, ctx)).tips == 3 * 21_000


def test_a_clock_that_was_set_back_excuses_the_own_block_and_nothing_else_does() -> None:
    """Another flaw of a block of one's own is a mistake, and stays an error."""
    early = Invalid(Reason.SLOT_IN_FUTURE, "it begins in 2.763 s")
    assert "it begins in 2.763 s" in set_back(early)
    assert "it is 1.977 s ahead" in set_back(
        AheadOfClock(Reason.WRONG_TIMESTAMP, "it is 1.977 s ahead")
    )
    for reason in (Reason.INVALID_POW, Reason.WRONG_TIMESTAMP):
        with pytest.raises(Invalid, match="wrong"):
            set_back(Invalid(reason, "wrong"))
