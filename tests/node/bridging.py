"""A bridge in virtual time on a real chain of Bitcoin blocks, with probes where Chain and Stream would be."""

from collections.abc import Callable
from typing import Any

import msgspec

from alys.base.faults import Reorg
from alys.base.units import Gwei, Sats
from alys.chain import payout
from alys.chain.burns import PayoutRequest
from alys.chain.peg import Deposit
from alys.chain.proposal import PayoutProposal
from alys.chain.spec import ChainSpec, dev_spec
from alys.models.bitcoin import reorg
from alys.models.bitcoin.node import BitcoinNode
from alys.node import messages
from alys.node.bridge import Bridge
from alys.node.names import BridgeNames
from alys.node.operations import Incident, ListIncidents, ListOperations, OperationView
from alys.node.storage import Storage
from alys.wire import bitcoin
from tests.chain.chains import PAYEE, PAYEE_ADDRESS, signatures
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
REQUEST = "0x" + "11" * 32 + ":0"


class Setting:
    """A bridge before a Bitcoin node with one coin to spend."""

    def __init__(self, **wishes: Any) -> None:
        """``wishes`` are fields of the specification."""
        self.bench = Bench()
        self.bitcoin = BitcoinNode(self.bench.dispatcher.now, int(START))
        self.bitcoin.handle("generatetoaddress", [BOOTSTRAP, ADDRESS])
        self.spec: ChainSpec = msgspec.structs.replace(
            dev_spec(bytes(32), bitcoin_start_height=BOOTSTRAP), **wishes
        )
        self.calls: list[str] = []
        self._ambush: dict[str, Callable[[], object]] = {}
        self.bench.store("store")
        self.bench.service("bitcoin", self._bitcoin)
        self.bench.start("storage", lambda: Storage("store"))
        self.chain: list[Any] = self.bench.probe("chain")
        self.stream: list[Any] = self.bench.probe("stream")
        self.begin()

    def before(self, method: str, act: Callable[[], object]) -> None:
        """Do something just before the next call of this method."""
        self._ambush[method] = act

    def _bitcoin(self, method: str, *params: Any) -> Any:
        self.calls.append(method)
        self._ambush.pop(method, lambda: None)()
        return self.bitcoin.handle(method, list(params))

    def begin(self) -> None:
        """Start the bridge, for the first time or again."""
        self.bench.start("bridge", lambda: Bridge(self.spec, NAMES))

    def restart(self) -> None:
        """Stop it and start it over the same store."""
        self.bench.stop("bridge")
        self.begin()
        self.bench.run_for(5)

    # Bitcoin

    def deposit(self, sats: int = 50_000_000, note: bytes = b"\x6a\x14" + EVM) -> str:
        """Send one; it is in the mempool."""
        found = self.bitcoin.handle("scantxoutset", ["start", [f"addr({ADDRESS})"]])["unspents"]
        coin = min(found, key=lambda one: int(one["height"]))
        amount = bitcoin.sats_of(coin["amount"])
        tx = bitcoin.Tx(
            inputs=(bitcoin.TxIn(outpoint=bitcoin.OutPoint(txid=coin["txid"], vout=coin["vout"])),),
            outputs=(
                bitcoin.TxOut(value=sats, script=self.spec.federation.script_pubkey),
                bitcoin.TxOut(value=0, script=note),
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

    def mine_empty(self, count: int = 1) -> None:
        """Blocks without what waits in the mempool."""
        for _ in range(count):
            self.bitcoin.handle("generateblock", [OTHER_ADDRESS, []])
        self.bench.run_for(3)

    def reorganise(self, depth: int) -> None:
        """The last blocks lose to a longer branch that is empty; what was in them waits in the mempool."""
        reorg.reorganise(self.bitcoin, Reorg(depth=depth, empty=True))
        self.bench.run_for(3)

    # What the node's other actors say

    def minted(self, txid: str, sats: int = 50_000_000) -> Deposit:
        """A block of ours has minted the deposit."""
        deposit = Deposit(
            txid=txid,
            vout=0,
            sats=Sats(sats),
            evm_address=EVM,
            script=self.spec.federation.script_pubkey,
        )
        self.import_block(minted=(deposit,))
        return deposit

    def import_block(self, **facts: Any) -> None:
        """A block of ours."""
        self.bench.tell("bridge", messages.BlockImported(height=1, root=bytes(32), **facts))

    def proposal(
        self, deposit: str, sats: int = 2_000_000, rate: int = 2, replaces: str = ""
    ) -> PayoutProposal:
        """A payout that spends the deposit."""
        request = PayoutRequest(
            script=PAYEE,
            sats=Sats(sats),
            gwei=Gwei(sats * 10),
            caller=EVM,
            address=PAYEE_ADDRESS,
            tx_hash=REQUEST.partition(":")[0],
            log_index=0,
        )
        spent = [(f"{deposit}:0", Sats(50_000_000))]
        tx = payout.assemble([request], spent, self.spec.federation, rate)
        return PayoutProposal(
            block_root=bytes(32),
            height=2,
            tx=tx.serialize(witness=False),
            input_sats=(Sats(50_000_000),),
            requests=(request,),
            fee_rate_sat_vb=rate,
            replaces=replaces,
        )

    def finalise(self, *proposals: PayoutProposal) -> None:
        """An AuxPoW covers them."""
        self.bench.tell("bridge", messages.PayoutsFinalised(proposals=proposals))

    def sign(self, proposal: PayoutProposal) -> None:
        """Two members' signatures are collected."""
        tx = bitcoin.parse_tx(proposal.tx)
        prevouts = payout.prevouts_of(proposal.input_sats, self.spec.federation)
        given = signatures(tx, prevouts, 0, 2)
        keys = list(given[0])
        collected = messages.SignaturesCollected(
            txid=proposal.txid,
            signatures=tuple((key, tuple(one[key] for one in given)) for key in keys),
        )
        self.bench.tell("bridge", collected)
        self.bench.run_for(1)

    def broadcast(self, deposit: str) -> PayoutProposal:
        """A payout of the deposit, on its way."""
        proposal = self.proposal(deposit)
        self.import_block(proposed=proposal)
        self.finalise(proposal)
        self.sign(proposal)
        return proposal

    # Looking

    def operations(self) -> tuple[OperationView, ...]:
        return self.bench.ask("bridge", ListOperations())

    def states(self) -> list[str]:
        return [one.state for one in self.operations()]

    def incidents(self) -> tuple[Incident, ...]:
        return self.bench.ask("bridge", ListIncidents())

    def open_incidents(self) -> list[tuple[str, str, int]]:
        """Kind, transaction and sats of those that are open."""
        return [
            (one.kind.value, one.txid, one.sats)
            for one in self.incidents()
            if one.resolved_at is None
        ]

    def ready(self) -> list[str]:
        """Txids that Chain was told of, in order."""
        return [m.deposit.txid for m in self.chain if isinstance(m, messages.PeginReady)]

    def seen(self) -> messages.BitcoinSeen:
        """What Chain was told last of Bitcoin."""
        told = [m for m in self.chain if isinstance(m, messages.BitcoinSeen)]
        return told[-1] if told else messages.BitcoinSeen()

    def asked(self) -> list[messages.RequestSignatures]:
        """What Stream was asked to collect."""
        return [m for m in self.stream if isinstance(m, messages.RequestSignatures)]

    def pool(self) -> list[str]:
        """What waits in Bitcoin's mempool."""
        found: list[str] = self.bitcoin.handle("getrawmempool", [])
        return found
