"""What scenarios hold of actors is data, and a fault that bit nothing proves nothing."""

import msgspec
import pytest

from alys.base.errors import ExitCode, Inconclusive
from alys.worlds.supervised import Branch, Counters, Fault, Leaf


def test_a_fault_that_touched_nothing_is_inconclusive_and_names_itself() -> None:
    fault = Fault(path="/alys/node/stream", what="crash")
    with pytest.raises(Inconclusive, match="crash of /alys/node/stream touched nothing") as raised:
        fault.require()
    assert raised.value.exit_code is ExitCode.INCONCLUSIVE
    fault.touched.append("ReportStatus 7.1")
    fault.require()


def test_two_faults_share_no_list() -> None:
    first, second = Fault(path="/a", what="kill"), Fault(path="/b", what="kill")
    first.touched.append("/a#1")
    assert second.touched == []


def test_a_plan_crosses_a_socket_and_comes_back_the_same() -> None:
    plan = Branch(name="a", children=(Branch(name="b", children=()),))
    encoded = msgspec.json.encode(msgspec.to_builtins(plan))
    assert msgspec.json.decode(encoded)["children"][0]["name"] == "b"
    assert Leaf(name="x").overflow == "fail"
    assert Counters() == Counters(failures=0)
