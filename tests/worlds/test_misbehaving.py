"""Faults of services as a scenario orders them: the node lives through them, and one that touched nothing is told.

The same scenario runs in virtual time, on real sockets, and against services that are processes of their own.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from alys.cli import front as cli
from tests.worlds.test_remote import variables

__all__ = ["variables"]

SURVIVES = '''
from typing import Any

from alys.base import faults
from alys.wire.jsonrpc import RpcError
from alys.worlds.network_world import NetworkWorld

ORDERS = {orders}


async def test_survives(world: NetworkWorld) -> None:
    """Under all of these a deposit is credited, and blocks go on."""
    alice = world.ethereum_user("alice")
    world.keep_mining()
    ordered = [await world.faults.inject(service, fault) for service, fault in ORDERS]
    await world.depositor().deposit(world.federation_address, alice.address, 50_000_000)
    await world.confirm(6)
    for one in ordered:
        world.check(await world.until_bitten(one, 90) > 0, "it has bitten", kind=one.fault.kind)
    await world.eventually(alice.balance, "the deposit is credited", timeout_s=600)
    balance = await alice.balance()
    world.check(balance == 50_000_000 * 10**10, "once", wei=balance)

    async def height() -> int:
        try:
            status: Any = await world.node.call("alys_status")
        except RpcError:
            return 0
        return int(status["height"])

    begun = await world.eventually(height, "the node answers", timeout_s=120)

    async def three_more() -> bool:
        return await height() >= begun + 3

    await world.eventually(three_more, "three more blocks", timeout_s=300)
    world.note(touched={{one.fault.kind: await world.faults.touched(one) for one in ordered}})
'''

NODE = "engine_forkchoiceUpdated*"
ORDERS = {
    "a slow Bitcoin node that errs": [
        '("bitcoin", faults.Latency(ms=500, calls=("getblock",), times=5))',
        '("bitcoin", faults.Error(code=-28, message="Loading", calls=("getblock",), times=5))',
    ],
    "a Bitcoin node that hangs": ['("bitcoin", faults.Hang(calls=("getblock*",), times=2))'],
    "a Bitcoin node that is away for two minutes": [
        '("bitcoin", faults.Refuse(duration_s=120))',
    ],
    "a Bitcoin node that talks nonsense now and then": [
        '("bitcoin", faults.Malformed(rate=0.3, duration_s=120))',
        '("bitcoin", faults.Drop(rate=0.2, after_bytes=9, duration_s=120))',
    ],
    "a Bitcoin node with an old tip": [
        '("bitcoin", faults.Stale(calls=("getblockcount",), times=9))'
    ],
    "a client that answers of another time": [
        '("ethereum", faults.Stale(calls=("engine_getPayload*",), any_params=True, times=2))',
        f'("ethereum", faults.Stale(calls=("{NODE}",), any_params=True, times=2))',
    ],
    "a client that hangs": ['("ethereum", faults.Hang(calls=("engine_newPayload*",), times=1))'],
    "a client that errs and drops": [
        '("ethereum", faults.Error(calls=("engine_*",), times=3))',
        '("ethereum", faults.Drop(after_bytes=20, times=3))',
    ],
    "a client that is away for two minutes": ['("ethereum", faults.Refuse(duration_s=120))'],
    "a client that is away between an import and the word of it": [
        '("ethereum", faults.Error(calls=("eth_getBlockReceipts",), duration_s=120))',
    ],
    "governance that is slow, lies and cuts": [
        '("governance", faults.Latency(ms=400, jitter_ms=300, times=9))',
        '("governance", faults.Malformed(times=2))',
        '("governance", faults.Drop(times=2))',
    ],
    "governance that hangs up and opens no stream": [
        '("governance", faults.Drop(calls=("heartbeat",), times=1))',
        '("governance", faults.Error(code="INTERNAL", calls=("Stream",), times=1))',
        '("governance", faults.Hang(calls=("Stream",), times=1))',
    ],
    "wrong clocks": [
        '("bitcoin", faults.ClockSkew(seconds=600))',
        '("ethereum", faults.ClockSkew(seconds=-600))',
        '("governance", faults.ClockSkew(seconds=3600))',
    ],
}
REORGS = ['("bitcoin", faults.Reorg(depth=2))', '("ethereum", faults.Reorg(depth=1))']


def run(
    path: Path, world: str, capsys: pytest.CaptureFixture[str], **environment: str
) -> dict[str, Any]:
    words = ["test", str(path), "--world", world, "--seed", "7", "--time-scale", "10"]
    words = words if world != "sim" else words[:-2]
    cli.main(
        [*words, "-o", "json", "--results-dir", str(path.parent / "results")],
        environment=environment,
    )
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def scenario(folder: Path, orders: list[str]) -> Path:
    path = folder / "survives.py"
    path.write_text(SURVIVES.format(orders=f"[{', '.join(orders)}]"))
    return path


def passed(told: dict[str, Any]) -> dict[str, int]:
    assert told["verdict"] == "pass", told["causes"]
    (case,) = told["cases"]
    touched: dict[str, int] = case["facts"]["touched"]
    assert all(touched.values())
    return touched


@pytest.mark.parametrize("name", ORDERS)
def test_the_node_lives_through_it_in_virtual_time(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passed(run(scenario(tmp_path, ORDERS[name]), "sim", capsys))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "a slow Bitcoin node that errs",
        "a Bitcoin node that talks nonsense now and then",
        "a client that answers of another time",
        "a client that is away for two minutes",
        "a client that errs and drops",
        "governance that is slow, lies and cuts",
    ],
)
def test_the_node_lives_through_it_on_real_sockets(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passed(run(scenario(tmp_path, ORDERS[name]), "local", capsys))


@pytest.mark.slow
def test_a_hang_is_lived_through_on_real_sockets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = ORDERS["a Bitcoin node that hangs"] + ORDERS["a client that hangs"]
    assert passed(run(scenario(tmp_path, orders), "local", capsys))["hang"] > 0


@pytest.mark.slow
def test_services_elsewhere_misbehave_by_their_admin_ports(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = [
        *ORDERS["a slow Bitcoin node that errs"],
        *ORDERS["a client that errs and drops"],
        '("governance", faults.Latency(ms=20, calls=("heartbeat",), times=2))',
    ]
    touched = passed(run(scenario(tmp_path, orders), "remote", capsys, **variables))
    assert touched.keys() == {"latency", "error", "drop"}


def test_one_seed_is_one_trace_with_faults_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(tmp_path, ORDERS["a Bitcoin node that talks nonsense now and then"])
    first, second = (run(path, "sim", capsys) for _ in range(2))
    assert first["trace_hash"] == second["trace_hash"]
    assert passed(first) == passed(second)


def test_a_fault_that_touched_nothing_makes_the_run_inconclusive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ordered and forgotten, or waited for in vain: exit code 4 and the fault's name."""
    path = tmp_path / "forgotten.py"
    path.write_text(
        "from alys.base import faults\n\n\n"
        "async def test_forgotten(world):\n"
        "    await world.faults.inject('bitcoin', faults.Hang(calls=('getmininginfo',)))\n"
        "    world.check(True, 'something was looked at')\n"
    )
    told = run(path, "sim", capsys)
    assert (told["exit_code"], told["verdict"]) == (4, "inconclusive")
    assert "the fault hang of bitcoin touched nothing" in told["cause"]
    orders = ['("governance", faults.Latency(ms=9, calls=("GetCapabilities",)))']
    told = run(scenario(tmp_path, orders), "sim", capsys)
    assert (told["exit_code"], told["verdict"]) == (4, "inconclusive")
    assert "the fault latency of governance-0 touched nothing" in told["cause"]


def test_the_scenario_itself_and_the_auditor_are_spared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "witness.py"
    path.write_text(
        "from alys.base import faults\n\n\n"
        "async def test_witness(world):\n"
        "    fault = await world.faults.inject('bitcoin', faults.Error())\n"
        "    world.check(await world.bitcoin.call('getblockcount') > 0, 'it answers us')\n"
        "    touched = await world.until_bitten(fault)\n"
        "    world.check(touched > 0, 'and not the node', touched=touched)\n"
        "    world.check(await world.faults.lift(fault) >= touched, 'it is over')\n"
        "    await world.audit()\n"
    )
    told = run(path, "sim", capsys)
    assert told["verdict"] == "pass", told["causes"]


def test_what_a_service_cannot_do_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "refused.py"
    path.write_text(
        "import pytest\n\nfrom alys.base import faults\n"
        "from alys.base.errors import UsageError\n\n\n"
        "async def test_refused(world):\n"
        "    with pytest.raises(faults.BadFault, match='governance has it'):\n"
        "        await world.faults.inject('bitcoin', faults.Unhealthy())\n"
        "    with pytest.raises(UsageError, match='no bitcoin 1'):\n"
        "        await world.faults.inject('bitcoin', faults.Hang(), 1)\n"
        "    world.check(True, 'both were refused')\n"
    )
    assert run(path, "sim", capsys)["verdict"] == "pass"
