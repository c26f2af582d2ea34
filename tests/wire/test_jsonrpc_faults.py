"""What faults make of JSON-RPC answers, single and in batches: the protocol's own refusals, or an answer that never comes whole."""

import json
from typing import Any

import pytest

from alys.base import faults
from alys.base.faults import AnyFault
from alys.base.misbehaviour import Misbehaviour, Scope
from alys.base.prng import SeededRandom
from alys.wire.jsonrpc import Dialect, Params, RpcError
from alys.wire.jsonrpc_faults import PROXY_PAGE, Outcome, answer


class Service:
    """Counts what it carries out, and answers with the count."""

    def __init__(self, *orders: AnyFault, dialect: Dialect = Dialect.ETHEREUM) -> None:
        scope = Scope(service="ethereum")
        self.faults = Misbehaviour(lambda: 0.0, SeededRandom(1), scope)
        self.faults.add(*orders)
        self.dialect = dialect
        self.carried_out: list[str] = []

    def handle(self, method: str, params: Params) -> Any:
        self.carried_out.append(method)
        if method == "refused":
            raise RpcError(-7, f"refusal {len(self.carried_out)}")
        return len(self.carried_out)

    def ask(self, *methods: str, params: object = ()) -> Outcome:
        calls = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
            for place, method in enumerate(methods)
        ]
        body = json.dumps(calls[0] if len(calls) == 1 else calls).encode()
        return answer(body, self.handle, self.dialect, self.faults)


def result(outcome: Outcome) -> Any:
    assert outcome.status == 200
    assert outcome.ending is None
    return json.loads(outcome.body)


def test_without_faults_the_answer_is_what_it_would_be() -> None:
    assert result(Service().ask("a")) == {"jsonrpc": "2.0", "id": 0, "result": 1}
    assert answer(b"{", Service().handle, Dialect.ETHEREUM, None).status == 200


@pytest.mark.parametrize(("dialect", "status"), [(Dialect.ETHEREUM, 200), (Dialect.BITCOIN, 200)])
def test_an_error_is_the_protocols_own_and_nothing_is_carried_out(
    dialect: Dialect, status: int
) -> None:
    service = Service(faults.Error(code=-28, message="Loading"), dialect=dialect)
    outcome = service.ask("a")
    assert (outcome.status, outcome.ending) == (status, None)
    assert json.loads(outcome.body)["error"] == {"code": -28, "message": "Loading"}
    assert service.carried_out == []


def test_to_an_old_caller_of_bitcoin_an_error_is_an_http_error() -> None:
    service = Service(faults.Error())
    body = b'{"method": "a", "params": [], "id": 1}'
    outcome = answer(body, service.handle, Dialect.BITCOIN, service.faults)
    assert outcome.status == 500
    assert json.loads(outcome.body)["error"]["code"] == -32603


def test_each_call_of_a_batch_is_treated_by_itself() -> None:
    service = Service(faults.Error(calls=("b",)), faults.Latency(ms=100))
    outcome = service.ask("a", "b", "c")
    told = json.loads(outcome.body)
    assert [("error" in one, one["id"]) for one in told] == [(False, 0), (True, 1), (False, 2)]
    assert outcome.delay_s == pytest.approx(0.3)
    assert service.carried_out == ["a", "c"]


@pytest.mark.parametrize(
    ("fault", "carried_out"),
    [
        (faults.Refuse(calls=("b",)), ["a"]),
        (faults.Hang(calls=("b",)), ["a"]),
        (faults.Drop(calls=("b",)), ["a", "b"]),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_call_that_loses_its_answer_takes_the_batchs_along(
    fault: AnyFault, carried_out: list[str]
) -> None:
    service = Service(fault, faults.Error(calls=("c",)))
    outcome = service.ask("a", "b", "c")
    assert (outcome.ending, outcome.id) == (fault, 1)
    assert service.carried_out == carried_out
    assert [one.touched for one in service.faults.view()] == [1, 0]


@pytest.mark.parametrize(("after", "sent"), [(0, 0), (5, 5), (10_000, -1)])
def test_a_drop_never_sends_the_last_byte(after: int, sent: int) -> None:
    outcome = Service(faults.Drop(after_bytes=after)).ask("a")
    whole = Service().ask("a").body
    assert outcome.sent == (whole[:sent])


def test_a_malformed_answer_is_no_json_and_the_call_was_carried_out() -> None:
    for form in ("text", "truncated", "empty"):
        service = Service(faults.Malformed(form=form))
        outcome = service.ask("a")
        assert (outcome.status, outcome.ending) == (200, None)
        with pytest.raises(json.JSONDecodeError):
            json.loads(outcome.body)
        assert service.carried_out == ["a"]
    assert Service(faults.Malformed()).ask("a").body == PROXY_PAGE


def test_a_stale_answer_is_the_earlier_one_under_the_new_id_and_nothing_is_carried_out() -> None:
    service = Service(faults.Stale())
    assert result(service.ask("a"))["result"] == 1
    assert result(service.ask("a", params=[2]))["result"] == 2
    assert result(service.ask("a"))["result"] == 1
    batch = result(service.ask("b", "a"))
    assert [(one["id"], one["result"]) for one in batch] == [(0, 3), (1, 1)]
    assert service.carried_out == ["a", "a", "b"]
    assert [one.touched for one in service.faults.view()] == [2]


def test_a_refusal_can_be_stale_too() -> None:
    service = Service(faults.Stale())
    told = [json.loads(service.ask("refused").body)["error"]["message"] for _ in range(2)]
    assert told == ["refusal 1", "refusal 1"]


def test_what_is_no_call_meets_no_fault() -> None:
    service = Service(faults.Hang())
    outcome = answer(
        b'{"jsonrpc": "2.0", "id": 1}', service.handle, service.dialect, service.faults
    )
    assert outcome.ending is None
    assert json.loads(outcome.body)["error"]["code"] == -32600
