"""What only the extended scenarios are sure to see: what shows late, after the second failure, or in some worlds only."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alys.actors.context import Context
from alys.base.units import Gwei, Wei
from alys.chain import eras, state
from alys.chain.federation import Federation
from alys.chain.peg import Deposit
from alys.chain.spec import ChainSpec
from alys.cli import front as cli
from alys.node import bridge_records, orders
from alys.node.announcements import Announcements
from alys.node.bridge_records import Records
from alys.node.calls import Calls, GovernanceReply
from alys.wire import bitcoin
from alys.wire.engine import Withdrawal

Run = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a user types it, in a thorough run."""

    def command(suite: str, scenario: str) -> dict[str, Any]:
        words = ["test", suite, "--world", "sim", "--seed", "7", "-k", scenario]
        environment = {"COMPREHENSIVE_TESTING": "true"}
        line = [*words, "-o", "json", "--results-dir", str(tmp_path)]
        code = cli.main(line, environment=environment)
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["exit_code"] == code
        return told

    return command


def red(told: dict[str, Any]) -> str:
    """The causes of a run that must have failed."""
    assert (told["exit_code"], told["verdict"]) == (1, "fail"), told
    return "\n".join(told["causes"])


@pytest.mark.parametrize(
    ("suite", "scenario", "passed"),
    [
        ("stream", "long_load", 1),
        ("stream", "emergency_halt", 1),
        ("supervision", "repeated", 1),
        ("integration", "in_order", 15),
        ("integration", "federation_rotation", 1),
    ],
)
def test_unbroken_it_is_green(run: Run, suite: str, scenario: str, passed: int) -> None:
    told = run(suite, scenario)
    assert (told["verdict"], told["counts"]["passed"]) == ("pass", passed)


def test_the_thousandth_answer_lost_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Calls.settle
    answers = 0

    def forgetful(self: Calls, request_id: str, endpoint: int, reply: GovernanceReply) -> None:
        nonlocal answers
        answers += request_id.startswith("load ")
        if answers != 1000:
            honest(self, request_id, endpoint, reply)

    monkeypatch.setattr(Calls, "settle", forgetful)
    assert run("stream", "load_testing")["verdict"] == "pass"
    answers = 0
    assert "a request is answered by governance" in red(run("stream", "long_load"))


def test_a_third_bridge_that_forgets_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two instances load what was kept; from the third on they begin without the deposits that are under way."""
    honest = Records.load_table
    starts = 0

    async def third_forgets(self: Records, ctx: Context, table: str, kind: Any) -> Any:
        nonlocal starts
        starts += table == bridge_records.PEGIN
        found = await honest(self, ctx, table, kind)
        return [] if table == bridge_records.PEGIN and starts >= 3 else found

    monkeypatch.setattr(Records, "load_table", third_forgets)
    assert run("supervision", "single_actor")["verdict"] == "pass"
    starts = 0
    assert "never happened within 120 s of node time: deposit" in red(
        run("supervision", "repeated")
    )


def test_a_wei_that_is_lost_to_some_accounts_only_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other depositor is credited a gwei too little; whether one world shows it is up to chance."""
    honest = state.withdrawals

    def unlucky(todo: Any, pegins: tuple[Deposit, ...]) -> tuple[Withdrawal, ...]:
        cheated = {one.evm_address for one in pegins if one.evm_address[0] % 2}
        return tuple(
            msgspec.structs.replace(
                one, amount_gwei=Gwei(one.amount_gwei - (one.address in cheated))
            )
            for one in honest(todo, pegins)
        )

    monkeypatch.setattr(state, "withdrawals", unlucky)
    told = run("integration", "bridge_operation_in_order")
    assert "sats x 10^10 wei" in red(told) or "mint_amount_wrong" in red(told)
    assert 0 < told["counts"]["failed"] < 5


# emergency_halt


def test_a_halt_that_a_restart_forgets_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgotten(ctx: Context, storage_name: str) -> orders.Halt:
        return orders.NO_HALT

    monkeypatch.setattr(orders, "load_halt", forgotten)
    assert "production is halted" in red(run("stream", "emergency_halt"))


def test_a_halt_by_one_voice_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Announcements.__init__

    def credulous(self: Announcements, federation: Federation) -> None:
        honest(self, msgspec.structs.replace(federation, threshold=1))

    monkeypatch.setattr(Announcements, "__init__", credulous)
    monkeypatch.setattr(Announcements, "changed", lambda *_: [])
    assert "one voice is counted" in red(run("stream", "emergency_halt"))


def test_a_bridge_that_goes_on_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = property(lambda _: False, lambda _, __: None)
    monkeypatch.setattr(Records, "halted", deaf, raising=False)
    assert "a halt stops production and pegs" in red(run("stream", "emergency_halt"))


# federation_rotation


def test_coins_that_stay_behind_are_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eras, "sweep", lambda *_: None)
    assert "every retired coin is in a sweep" in red(run("integration", "federation_rotation"))


def test_a_deposit_that_came_late_and_is_lost_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = eras.accepts

    def newest(history: eras.History, spec: ChainSpec, script: bytes, height: int) -> bool:
        latest = eras.in_force(history, spec).script_pubkey
        return script == latest and honest(history, spec, script, height)

    monkeypatch.setattr(eras, "accepts", newest)
    assert "a deposit of 30000000 sats is minted" in red(run("integration", "federation_rotation"))


def test_a_sweep_that_nobody_pays_for_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks are valid to all who share the error; the ledger is not asked for its opinion of them."""
    monkeypatch.setattr(eras, "owed", lambda history: Wei(0))
    assert "fee_mint_wrong" in red(run("integration", "federation_rotation"))


def test_a_forged_announcement_that_is_believed_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signatures are not looked at, neither where it is heard nor where blocks are judged."""
    monkeypatch.setattr(bitcoin, "schnorr_verify", lambda *_: True)
    assert "a forged announcement is refused" in red(run("integration", "federation_rotation"))
