"""The bridge on a real chain of blocks: when it speaks of a deposit, what a reorganisation and a restart change."""

from typing import Any

import pytest

from alys.chain.spec import ChainSpec, dev_spec
from alys.models.bitcoin.node import BitcoinNode
from alys.node.bridge import Bridge
from alys.node.engine import BurnDetected
from alys.node.errors import PortDown
from alys.node.messages import AnnounceDeposit, BlockImported, ChainStarted, PeginReady
from alys.node.names import BridgeNames
from alys.node.operations import ListOperations, OperationView
from alys.node.storage import Storage
from alys.wire import bitcoin
from alys.wire.jsonrpc import RpcError
from tests.node.bench import START, Bench

SECRET = (7).to_bytes(32, "big")
SCRIPT = bitcoin.p2wpkh_script(bitcoin.pubkey_of(SECRET))
ADDRESS = bitcoin.script_to_address(SCRIPT)
OTHER_ADDRESS = bitcoin.script_to_address(
    bitcoin.p2wpkh_script(bitcoin.pubkey_of((8).to_bytes(32, "big")))
)
EVM = b"\x42" * 20
BOOTSTRAP = 101
NAMES = BridgeNames(chain="chain", stream="stream", storage="storage", bitcoin="bitcoin")


class Setting:
    """A bridge before a Bitcoin node with one coin to spend."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bitcoin = BitcoinNode(self.bench.dispatcher.now, int(START))
        self.bitcoin.handle("generatetoaddress", [BOOTSTRAP, ADDRESS])
        self.spec: ChainSpec = dev_spec(bytes(32), bitcoin_start_height=BOOTSTRAP)
        self.bench.store("store")
        self.bench.service("bitcoin", lambda method, *p: self.bitcoin.handle(method, list(p)))
        self.bench.start("storage", lambda: Storage("store"))
        self.chain: list[Any] = self.bench.probe("chain")
        self.stream: list[Any] = self.bench.probe("stream")
        self.begin()

    def begin(self) -> None:
        """Start the bridge, for the first time or again."""
        self.bench.start("bridge", lambda: Bridge(self.spec, NAMES))

    def restart(self) -> None:
        """Stop it and start it over the same store."""
        self.bench.stop("bridge")
        self.begin()
        self.bench.run_for(5)

    def deposit(self, sats: int = 50_000_000) -> str:
        """Send one; it is in the mempool."""
        found = self.bitcoin.handle("scantxoutset", ["start", [f"addr({ADDRESS})"]])["unspents"]
        coin = min(found, key=lambda one: int(one["height"]))
        amount = bitcoin.sats_of(coin["amount"])
        tx = bitcoin.Tx(
            inputs=(bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid=coin["txid"], vout=coin["vout"])),),
            outputs=(
                bitcoin.TxOut(value=sats, script=self.spec.federation.script_pubkey),
                bitcoin.TxOut(value=0, script=b"\x6a\x14" + EVM),
                bitcoin.TxOut(value=amount - sats - 1000, script=SCRIPT),
            ),
        )
        signed = bitcoin.sign_p2wpkh_input(tx, 0, SECRET, amount)
        return str(self.bitcoin.handle("sendrawtransaction", [signed.serialize().hex()]))

    def mine(self, count: int = 1, address: str | None = ADDRESS) -> list[str]:
        """Blocks, and time for the bridge to read them."""
        hashes: list[str] = self.bitcoin.handle("generatetoaddress", [count, address])
        self.bench.run_for(3)
        return hashes

    def operations(self) -> tuple[OperationView, ...]:
        return self.bench.ask("bridge", ListOperations())

    def ready(self) -> list[str]:
        """Txids that Chain was told of, in order."""
        return [m.deposit.txid for m in self.chain if isinstance(m, PeginReady)]


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


def test_the_bridge_never_failed_in_all_this(setting: Setting) -> None:
    setting.deposit()
    setting.mine(7)
    setting.restart()
    assert setting.bench.failures.errors == []
