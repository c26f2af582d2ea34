"""The bridge on a real chain of blocks: when it speaks of a deposit, what a reorganisation and a restart change."""

import pytest

from alys.node.engine import BurnDetected
from alys.node.errors import PortDown
from alys.node.messages import AnnounceDeposit, BlockImported, ChainStarted, PeginReady
from alys.wire.jsonrpc import RpcError
from tests.node.bridging import EVM, OTHER_ADDRESS, Setting


@pytest.fixture
def setting() -> Setting:
    return Setting()


def test_a_deposit_is_told_at_six_confirmations_and_once(setting: Setting) -> None:
    txid = setting.deposit()
    setting.mine(5)
    assert setting.ready() == []
    (seen,) = setting.operations()
    assert (seen.state, seen.confirmations, seen.txid) == ("seen", 5, txid)
    setting.mine(1)
    assert setting.ready() == [txid]
    setting.mine(3)
    assert setting.ready() == [txid]
    (told,) = [m for m in setting.chain if isinstance(m, PeginReady)]
    assert (told.deposit.sats, told.deposit.evm_address) == (50_000_000, EVM)


def test_a_deposit_whose_block_left_the_chain_starts_again(setting: Setting) -> None:
    txid = setting.deposit()
    (block,) = setting.mine(1)
    setting.mine(3)
    setting.bitcoin.handle("invalidateblock", [block])
    setting.bench.run_for(3)
    assert setting.operations()[0].state == "orphaned"
    setting.mine(1, OTHER_ADDRESS)  # another block; the deposit is in it, from the mempool
    setting.mine(4)
    (again,) = setting.operations()
    assert (again.state, again.confirmations) == ("seen", 5)
    assert setting.ready() == []
    setting.mine(1)
    assert setting.ready() == [txid]


def test_a_restart_tells_again_what_was_ready_and_reads_no_block_twice(setting: Setting) -> None:
    first = setting.deposit()
    setting.mine(6)
    setting.restart()
    assert setting.ready() == [first, first]
    minted = setting.chain[0].deposit
    setting.bench.tell(
        "bridge",
        BlockImported(height=1, root=bytes(32), minted=(minted,), proposed=None, refunded=()),
    )
    setting.restart()
    assert setting.ready() == [first, first]
    assert setting.operations()[0].state == "minted"


def test_insisting_on_a_deposit_tells_chain_again_but_not_before_it_is_ready(
    setting: Setting,
) -> None:
    txid = setting.deposit()
    setting.mine(1)
    assert setting.bench.ask("bridge", AnnounceDeposit(txid=txid)) is True
    setting.bench.run_for(1)
    assert setting.ready() == []
    setting.mine(5)
    setting.bench.ask("bridge", AnnounceDeposit(txid=txid))
    setting.bench.run_for(1)
    assert setting.ready() == [txid, txid]
    assert setting.bench.ask("bridge", AnnounceDeposit(txid="ab" * 32)) is False


def burn(operation: str) -> BurnDetected:
    return BurnDetected(
        operation=operation,
        tx_hash="0x" + "11" * 32,
        log_index=0,
        caller=EVM,
        address=b"nowhere",
        wei="10000000000000000",
        block_hash=bytes(32),
    )


def test_what_became_of_a_burn_is_kept_even_if_the_burn_is_heard_of_later(
    setting: Setting,
) -> None:
    request = "0x" + "11" * 32 + ":0"
    setting.bench.tell(
        "bridge",
        BlockImported(height=2, root=bytes(32), minted=(), proposed=None, refunded=(request,)),
    )
    assert setting.operations() == ()
    setting.bench.tell("bridge", burn(f"pegout:{request}"))
    (refunded,) = setting.operations()
    assert (refunded.kind, refunded.state) == ("pegout", "refunded")
    setting.bench.tell("bridge", burn(f"pegout:{request}"))
    assert setting.operations() == (refunded,)


def test_when_chain_begins_again_it_hears_of_what_is_ready_once_more(setting: Setting) -> None:
    txid = setting.deposit()
    setting.bench.tell("bridge", ChainStarted())
    assert setting.ready() == []
    setting.mine(6)
    setting.bench.tell("bridge", ChainStarted())
    assert setting.ready() == [txid, txid]
    minted = setting.chain[0].deposit
    setting.bench.tell(
        "bridge",
        BlockImported(height=1, root=bytes(32), minted=(minted,), proposed=None, refunded=()),
    )
    setting.bench.tell("bridge", ChainStarted())
    assert setting.ready() == [txid, txid]


@pytest.mark.parametrize("error", [RpcError(-28, "Loading"), PortDown("bitcoin", "refused")])
def test_while_bitcoin_is_away_it_waits_and_then_goes_on_where_it_was(
    setting: Setting, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    txid = setting.deposit()
    setting.mine(3)

    def away(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(setting.bitcoin, "handle", away)
        setting.bench.run_for(200)
    setting.mine(3)
    assert setting.ready() == [txid]
    assert setting.bench.failures.errors == []


@pytest.mark.parametrize("at_once", [True, False])
def test_a_gateway_that_fails_under_a_call_costs_one_poll(setting: Setting, at_once: bool) -> None:
    setting.bench.stop("bitcoin")
    bitcoin = setting.bitcoin
    setting.bench.failing_gateway(
        "bitcoin",
        lambda method, *params: bitcoin.handle(method, list(params)),
        "getblockcount",
        at_once=at_once,
    )
    txid = setting.deposit()
    setting.mine(6)
    assert setting.ready() == [txid]
    assert [str(error) for error in setting.bench.failures.errors] == ["spoiled"]


def test_the_bridge_never_failed_in_all_this(setting: Setting) -> None:
    setting.deposit()
    setting.mine(7)
    setting.restart()
    assert setting.bench.failures.errors == []
