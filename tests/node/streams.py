"""A Stream actor against real governance nodes over links in memory, for tests to look at."""

from typing import Any

from alys.base.units import Sats
from alys.chain.federation import Federation
from alys.chain.peg import Deposit
from alys.models.governance.node import GovernanceNode
from alys.node.calls import AskGovernance
from alys.node.messages import (
    NotifyPegin,
    RequestSignatures,
    SignaturesCollected,
    SignaturesShort,
)
from alys.node.names import StreamNames
from alys.node.peer import PeerView
from alys.node.storage import Storage
from alys.node.stream import GetStreamStatus, Stream
from alys.node.stream_figures import FIGURES, StreamFigures
from alys.wire import bitcoin
from alys.wire.generated import governance_pb2 as pb
from alys.worlds.governance_link import GovernanceLink
from alys.worlds.memory import Cut, GovernancePort
from tests.models.governance.builders import KEYS, PAYEE_SCRIPT, make_node
from tests.node.bench import Bench

DEPOSIT = Deposit(txid="ab" * 32, vout=0, sats=Sats(5_000_000), evm_address=b"\x42" * 20)
OPERATION = "pegout:0x11:0"


class Setting:
    """A Stream actor and three governance nodes."""

    def __init__(
        self,
        seed: int = 1,
        down: tuple[int, ...] = (),
        token: str | None = None,
        peers: bool = False,
        figures: StreamFigures = FIGURES,
    ) -> None:
        self.bench = Bench(seed)
        self.nodes: list[GovernanceNode] = [make_node(n, bearer_token=token) for n in range(3)]
        for node in self.nodes if peers else ():
            others = [other.node_id for other in self.nodes if other is not node]
            node.witnesses.peers = dict.fromkeys(others, True)
        self.links = [
            GovernanceLink(node=node, down=n in down) for n, node in enumerate(self.nodes)
        ]
        delays = self.bench.random.fork("delays")
        self.bench.start("governance", lambda: GovernancePort(self.links, delays))
        self.bench.store("store")
        self.bench.start("storage", lambda: Storage("store"))
        self.told: list[Any] = self.bench.probe("bridge")
        self.chain: list[Any] = self.bench.probe("chain")
        self.federation = Federation(keys=tuple(KEYS), threshold=2)
        names = StreamNames(
            bridge="bridge", chain="chain", storage="storage", governance="governance"
        )
        self._stream = lambda: Stream(
            self.federation, names, endpoints=3, node_id="alys", token=token, figures=figures
        )
        self.bench.start("stream", self._stream)
        self.bench.run_for(0.5)

    def restart(self) -> None:
        """Another incarnation of the actor."""
        self.bench.stop("stream")
        self.bench.start("stream", self._stream)
        self.bench.run_for(0.5)

    @property
    def bridge(self) -> list[Any]:
        """What Bridge is told of signatures."""
        return [one for one in self.told if isinstance(one, SignaturesCollected | SignaturesShort)]

    def streams(self) -> tuple[PeerView, ...]:
        return self.bench.ask("stream", GetStreamStatus())

    def cut(self, endpoint: int, *, down: bool) -> None:
        self.bench.tell("governance", Cut(endpoint=endpoint, down=down))

    def notify(self) -> None:
        self.bench.tell("stream", NotifyPegin(deposit=DEPOSIT, confirmations=6))
        self.bench.run_for(0.5)

    def ask_signatures(self, attempt: int = 1) -> bitcoin.Tx:
        place = bitcoin.OutPoint(txid=DEPOSIT.txid, vout=0)
        tx = bitcoin.Tx(
            inputs=(bitcoin.TxIn(outpoint=place, sequence=0xFFFFFFFD),),
            outputs=(
                bitcoin.TxOut(value=1_000_000, script=PAYEE_SCRIPT),
                bitcoin.TxOut(value=3_999_000, script=self.federation.script_pubkey),
            ),
        )
        request = RequestSignatures(
            operation=OPERATION,
            attempt=attempt,
            txid=tx.txid,
            tx=tx.serialize(witness=False),
            input_sats=(5_000_000,),
        )
        self.bench.tell("stream", request)
        self.bench.run_for(0.5)
        return tx


def notice(number: int) -> bytes:
    said = pb.PeginNotification(btc_txid=f"{number:064x}", amount=1000)
    return pb.StreamRequest(pegin_notification=said).SerializeToString()


def heartbeat() -> bytes:
    return pb.StreamRequest(heartbeat=pb.Heartbeat(sequence=77)).SerializeToString()


def begin(setting: Setting, name: str, payload: bytes, endpoint: int | None = 0) -> Any:
    stream = setting.bench.system.whereis("stream")
    asked = AskGovernance(request_id=name, payload=payload, endpoint=endpoint)
    return setting.bench.system.ask(stream, asked)


def seen(setting: Setting, index: int = 0) -> list[str]:
    state: Any = setting.nodes[index].state()
    return [one["request_id"] for one in state["seen"]]
