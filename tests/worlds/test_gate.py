"""Every port in memory asks its gate before it acts for the node, and before the node hears of it."""

from collections.abc import Callable

import pytest
from typing_extensions import override

from alys.actors.errors import AskTimeout
from alys.actors.message import Message, Request
from alys.node import ports
from alys.wire.jsonrpc import Dialect
from alys.worlds.disk import Disk, StorePort
from alys.worlds.gate import Gate
from alys.worlds.governance_link import GovernanceLink
from alys.worlds.memory import GovernancePort, Service, ServicePort
from tests.models.governance.builders import make_node, registration
from tests.node.bench import Bench


class Shut(Gate):
    """Shut from the beginning, or once something was done."""

    def __init__(self, *, after: bool) -> None:
        self.after = after
        self.acts: list[Message] = []

    @override
    def passes(self, act: Message) -> bool:
        self.acts.append(act)
        return self.after

    @override
    def acknowledges(self) -> bool:
        return False


WRITE = ports.StoreWrite(puts=((b"a", b"1"),))


@pytest.mark.parametrize("after", [False, True])
def test_a_store_behind_a_gate(after: bool) -> None:
    disk, gate, bench = Disk(), Shut(after=after), Bench()
    bench.start("port", lambda: StorePort(disk, gate))
    with pytest.raises(AskTimeout):
        bench.ask("port", WRITE)
    assert gate.acts == [WRITE]
    assert disk.pairs == ({b"a": b"1"} if after else {})


@pytest.mark.parametrize("question", [ports.StoreGet(key=b"a"), ports.StoreScan(prefix=b"")])
def test_who_is_dead_reads_nothing(question: Request[object]) -> None:
    bench = Bench()
    bench.start("port", lambda: StorePort(Disk(), Shut(after=False)))
    with pytest.raises(AskTimeout):
        bench.ask("port", question)


@pytest.mark.parametrize("after", [False, True])
def test_a_service_behind_a_gate(after: bool) -> None:
    called: list[str] = []
    handle: Callable[..., object] = lambda method, _: called.append(method)  # noqa: E731
    gate, bench = Shut(after=after), Bench()
    delays = bench.random.fork("delays")
    bench.start("port", lambda: ServicePort(Service(handle, Dialect.BITCOIN), delays, gate))
    with pytest.raises(AskTimeout):
        bench.ask("port", ports.JsonRpcCall(method="sendrawtransaction"))
    assert called == (["sendrawtransaction"] if after else [])


@pytest.mark.parametrize("after", [False, True])
def test_a_governance_node_behind_a_gate(after: bool) -> None:
    gate, bench = Shut(after=after), Bench()
    node, delays = make_node(), bench.random.fork("delays")
    bench.start("port", lambda: GovernancePort([GovernanceLink(node=node)], delays, gate))
    heard = bench.probe("owner")
    bench.system.tell(
        bench.system.whereis("port"), ports.OpenStream(endpoint=0, token="token-under-test")
    )
    bench.run_for(1.0)
    frame = registration().SerializeToString()
    bench.system.tell(bench.system.whereis("port"), ports.SendFrame(endpoint=0, frame=frame))
    bench.run_for(1.0)
    assert len(gate.acts) == 1
    assert heard == []
