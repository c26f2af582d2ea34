"""The Engine API's promises, by URL: on ours always, on @ethereumjs/client where it is there.

Each case plays a scenario and returns what the client answered; ``Expected`` says what the specification wants
(execution-apis, src/engine: paris.md, shanghai.md, cancun.md). A client that answers otherwise is in
``engine_differences`` with the reason, and exactly what stands there is what it must answer.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alys.models.ethereum.forks import Fork
from tests.contract.ethereum.engine_differences import ETHEREUMJS, Difference
from tests.contract.ethereum.engine_target import (
    ANY_HASH,
    ROOT,
    Refused,
    Target,
    credit,
    ethereumjs,
    ours,
)
from tests.models.ethereum.builders import genesis_of

FORKS = (Fork.SHANGHAI, Fork.CANCUN)
OPENERS = {"ours": ours, "ethereumjs": ethereumjs}
STRANGER = b"\x5a" * 20
NOT_THE_ROOT = "0x" + "11" * 32

Answer = dict[str, Any]
CASES: dict[str, tuple[Callable[[Target], Answer], Answer]] = {}


def case(**expected: Any) -> Callable[[Callable[[Target], Answer]], Callable[[Target], Answer]]:
    """Enter a scenario with what the specification wants of it."""

    def enter(play: Callable[[Target], Answer]) -> Callable[[Target], Answer]:
        CASES[play.__name__.strip("_")] = (play, expected)
        return play

    return enter


def code_of(call: Callable[[], Any]) -> Any:
    """The error's code, or the answer where there was none."""
    try:
        return call()
    except Refused as refused:
        return refused.code


def judged(answer: Any, names: dict[str, str]) -> tuple[str, str | None]:
    """Status and latestValidHash, the hash by its name in the scenario."""
    found = answer.get("payloadStatus", answer)
    latest = found["latestValidHash"]
    return found["status"], None if latest is None else names.get(latest, latest)


@case(status=("VALID", "its own"), head=True, version_is_offered=True, asks_not_itself=True)
def _a_block_is_built_imported_and_made_the_head(target: Target) -> Answer:
    offered = target.engine("engine_exchangeCapabilities", [])
    payload = target.build()
    status = judged(target.give(payload), {payload["blockHash"]: "its own"})
    target.forkchoice(payload["blockHash"])
    return {
        "status": status,
        "head": target.head()["hash"] == payload["blockHash"],
        "version_is_offered": f"engine_newPayloadV{target.version}" in offered,
        "asks_not_itself": "engine_exchangeCapabilities" not in offered,
    }


@case(status=("INVALID", "parent"), credited=0, head_moved=False, then=("VALID", "its own"))
def _a_refused_block_leaves_no_trace(target: Target) -> Answer:
    """The specification's own import would leave its withdrawals."""
    parent = target.mine()
    payload = target.build(credit(STRANGER, 7))
    lie = target.rehashed(payload, stateRoot=NOT_THE_ROOT)
    answer = target.give(lie)
    before = target.balance(STRANGER), target.head()["hash"] != parent["blockHash"]
    plain = target.build()
    return {
        "status": judged(answer, {parent["blockHash"]: "parent"}),
        "credited": before[0],
        "head_moved": before[1],
        "then": judged(target.give(plain), {plain["blockHash"]: "its own"}),
    }


@case(again=("INVALID", "parent"), forkchoice=("INVALID", "parent"), head_moved=False)
def _a_refused_block_stays_refused(target: Target) -> Answer:
    parent = target.mine()
    lie = target.rehashed(target.build(), stateRoot=NOT_THE_ROOT)
    target.give(lie)
    names = {parent["blockHash"]: "parent"}
    again = judged(target.give(lie), names)
    chosen = judged(target.forkchoice(lie["blockHash"]), names)
    moved = target.head()["hash"] != parent["blockHash"]
    return {"again": again, "forkchoice": chosen, "head_moved": moved}


@case(status=("INVALID", None), known=("VALID", "its own"))
def _a_tampered_payload_with_a_known_hash_is_not_believed(target: Target) -> Answer:
    payload = target.mine()
    forged = target.give({**payload, "feeRecipient": "0x" + "66" * 20})
    known = target.give(payload)
    return {
        "status": judged(forged, {}),
        "known": judged(known, {payload["blockHash"]: "its own"}),
    }


@case(status=("VALID", "ancestor"), payload_id=None, head_moved=False)
def _a_forkchoice_to_an_ancestor_builds_nothing(target: Target) -> Answer:
    ancestor, head = target.mine(), target.mine()
    answer = target.forkchoice(ancestor["blockHash"], target.attributes(head))
    found = {
        "status": judged(answer, {ancestor["blockHash"]: "ancestor"}),
        "payload_id": answer["payloadId"] and "an id",
        "head_moved": target.head()["hash"] != head["blockHash"],
    }
    target.forkchoice(head["blockHash"])
    return found


@case(safe=-38002, finalized=-38002, side_branch=-38002, head_moved=False)
def _markers_that_are_not_on_the_heads_chain_are_38002(target: Target) -> Answer:
    first = target.mine()
    left, right = target.build(seconds=2), target.build(seconds=3)
    target.give(left)
    target.give(right)
    target.forkchoice(left["blockHash"])
    answers = {
        "safe": code_of(lambda: target.forkchoice(left["blockHash"], safe=ANY_HASH)),
        "finalized": code_of(
            lambda: target.forkchoice(
                left["blockHash"], safe=first["blockHash"], finalized=ANY_HASH
            )
        ),
        "side_branch": code_of(
            lambda: target.forkchoice(left["blockHash"], safe=right["blockHash"])
        ),
    }
    return {
        **{name: code if isinstance(code, int) else "accepted" for name, code in answers.items()},
        "head_moved": target.head()["hash"] != left["blockHash"],
    }


@case(status=("INVALID", "parent"))
def _a_wrong_state_root_is_invalid(target: Target) -> Answer:
    parent = target.mine()
    lie = target.rehashed(target.build(), stateRoot=NOT_THE_ROOT)
    return {"status": judged(target.give(lie), {parent["blockHash"]: "parent"})}


def _lie_about(**changes: object) -> Callable[[Target], Answer]:
    def play(target: Target) -> Answer:
        parent = target.mine()
        lie = target.rehashed(target.build(), **changes)
        return {"status": judged(target.give(lie), {parent["blockHash"]: "parent"})}

    return play


for _name, _changes in {
    "receipts_root": {"receiptsRoot": NOT_THE_ROOT},
    "logs_bloom": {"logsBloom": "0x" + "01" * 256},
    "gas_used": {"gasUsed": "0x1"},
    "gas_limit": {"gasLimit": "0x1"},
    "base_fee": {"baseFeePerGas": "0x1"},
    "number": {"blockNumber": "0x7fff"},
    "timestamp": {"timestamp": "0x1"},
}.items():
    CASES[f"a_wrong_{_name}_is_invalid"] = (
        _lie_about(**_changes),
        {"status": ("INVALID", "parent")},
    )


@case(status=("INVALID", None))
def _an_empty_transaction_is_invalid(target: Target) -> Answer:
    payload = target.build()
    answer = target.give({**payload, "transactions": ["0x"]})
    return {"status": judged(answer, {payload["parentHash"]: "parent"})}


@case(child=("INVALID", "parent"))
def _what_stands_on_an_invalid_block_is_invalid(target: Target) -> Answer:
    parent = target.mine()
    lie = target.rehashed(target.build(), stateRoot=NOT_THE_ROOT)
    target.give(lie)
    honest = target.build(seconds=4)
    child = target.rehashed(
        honest,
        parentHash=lie["blockHash"],
        blockNumber=hex(int(lie["blockNumber"], 16) + 1),
        timestamp=hex(int(lie["timestamp"], 16) + 2),
    )
    return {"child": judged(target.give(child), {parent["blockHash"]: "parent"})}


@case(payload=("SYNCING", None), forkchoice=("SYNCING", None), payload_id=None)
def _what_is_unknown_is_syncing(target: Target) -> Answer:
    head = target.mine()
    orphan = target.rehashed(target.build(), parentHash=ANY_HASH)
    payload = judged(target.give(orphan), {})
    answer = target.forkchoice("0x" + "ab" * 32, target.attributes(head))
    return {
        "payload": payload,
        "forkchoice": judged(answer, {}),
        "payload_id": answer["payloadId"],
    }


@case(code=-38001)
def _an_unknown_payload_is_38001(target: Target) -> Answer:
    method = f"engine_getPayloadV{target.version}"
    return {"code": code_of(lambda: target.engine(method, "0x" + "77" * 8))}


@case(code=-38003, head_moved=True)
def _attributes_that_go_back_in_time_are_38003_but_the_head_has_moved(target: Target) -> Answer:
    target.mine()
    payload = target.build()
    target.give(payload)
    wanted = target.attributes(payload, seconds=0)
    code = code_of(lambda: target.forkchoice(payload["blockHash"], wanted))
    return {"code": code, "head_moved": target.head()["hash"] == payload["blockHash"]}


@case(code=-38003)
def _attributes_without_withdrawals_are_38003(target: Target) -> Answer:
    head = target.mine()
    wanted = target.attributes(head, withdrawals=None)
    return {"code": code_of(lambda: target.forkchoice(head["blockHash"], wanted))}


@case(twice="the same", other="another")
def _asking_twice_gives_one_payload(target: Target) -> Answer:
    head = target.mine()
    first, again, other = (
        target.forkchoice(head["blockHash"], target.attributes(head, seconds=seconds))["payloadId"]
        for seconds in (2, 2, 3)
    )
    return {
        "twice": "the same" if first == again else "another",
        "other": "the same" if first == other else "another",
    }


@case(left="left", right="right", back="left", numbers=[True, True])
def _a_reorganisation_goes_to_a_sibling_and_back(target: Target) -> Answer:
    target.mine()
    left = target.build(credit(STRANGER, 5), seconds=2)
    right = target.build(credit(STRANGER, 6), seconds=3)
    heads, balances = [], []
    target.give(left)
    target.give(right)
    names = {left["blockHash"]: "left", right["blockHash"]: "right"}
    for chosen in (left, right, left):
        target.forkchoice(chosen["blockHash"])
        heads.append(names.get(target.head()["hash"], "another"))
        balances.append(target.balance(STRANGER))
    return {
        "left": heads[0],
        "right": heads[1],
        "back": heads[2],
        "numbers": [balances[1] - balances[0] == 10**9, balances[2] == balances[0]],
    }


@case(safe=True, finalized=True)
def _safe_and_finalized_are_what_the_forkchoice_said(target: Target) -> Answer:
    first, second, third = target.mine(), target.mine(), target.mine()
    target.forkchoice(third["blockHash"], safe=second["blockHash"], finalized=first["blockHash"])
    safe = target.eth("eth_getBlockByNumber", "safe", False)
    finalized = target.eth("eth_getBlockByNumber", "finalized", False)
    return {
        "safe": safe["hash"] == second["blockHash"],
        "finalized": finalized["hash"] == first["blockHash"],
    }


@case(by_hash=[True, None, True], by_range=[True, True], beyond=[], zero=-32602)
def _bodies_are_found_by_hash_and_by_range(target: Target) -> Answer:
    first, second = target.mine(credit(STRANGER, 1)), target.mine()

    def is_of(body: Any, payload: Any) -> Any:
        wanted = {name: payload[name] for name in ("transactions", "withdrawals")}
        return body and {name: body[name] for name in wanted} == wanted

    by_hash = target.engine(
        "engine_getPayloadBodiesByHashV1", [first["blockHash"], ANY_HASH, second["blockHash"]]
    )
    by_range = target.engine("engine_getPayloadBodiesByRangeV1", first["blockNumber"], "0x9")
    beyond = hex(int(second["blockNumber"], 16) + 1)
    return {
        "by_hash": [is_of(by_hash[0], first), by_hash[1], is_of(by_hash[2], second)],
        "by_range": [is_of(by_range[0], first), is_of(by_range[1], second)],
        "beyond": target.engine("engine_getPayloadBodiesByRangeV1", beyond, "0x1"),
        "zero": code_of(lambda: target.engine("engine_getPayloadBodiesByRangeV1", "0x0", "0x1")),
    }


@case(new_payload_v1=-38005, other_version=-38005, get_payload_v1=-38005)
def _calls_of_another_fork_are_38005(target: Target) -> Answer:
    head = target.mine()
    payload = {**target.build(), "blobGasUsed": "0x0", "excessBlobGas": "0x0"}
    begun = target.forkchoice(head["blockHash"], target.attributes(head))
    if target.version == 2:
        other = code_of(lambda: target.engine("engine_newPayloadV3", payload, [], ROOT))
    else:
        other = code_of(lambda: target.engine("engine_newPayloadV2", payload))
    fetched = code_of(lambda: target.engine("engine_getPayloadV1", begun["payloadId"]))
    return {
        "new_payload_v1": code_of(lambda: target.engine("engine_newPayloadV1", payload)),
        "other_version": other,
        "get_payload_v1": fetched if isinstance(fetched, int) else "the payload",
    }


@case(withdrawals=-32602, block_hash=-32602, no_object=-32602, short_hash=-32602)
def _a_payload_that_is_not_whole_is_32602(target: Target) -> Answer:
    payload = target.build()
    return {
        "withdrawals": code_of(lambda: target.give({**payload, "withdrawals": None})),
        "block_hash": code_of(lambda: target.give({**payload, "blockHash": None})),
        "no_object": code_of(lambda: target.give([])),
        "short_hash": code_of(lambda: target.give({**payload, "parentHash": "0x01"})),
    }


@pytest.fixture(scope="module", params=["ours", "ethereumjs"])
def client(request: pytest.FixtureRequest) -> str:
    """Whose client."""
    return str(request.param)


@pytest.fixture(scope="module", params=FORKS, ids=lambda fork: fork.name.lower())
def target(
    request: pytest.FixtureRequest, client: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """A client on a fresh chain, kept for all cases: each goes on from the head that it finds."""
    fork = request.param
    folder = tmp_path_factory.mktemp(f"{client}-{fork.name.lower()}")
    with OPENERS[client](folder, genesis_of(fork), fork) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_client_answers_as_the_specification_wants(target: Target, name: str) -> None:
    play, expected = CASES[name]
    found = play(target)
    for part, wanted in expected.items():
        listed = difference(target, f"{name}.{part}")
        assert found[part] == (wanted if listed is None else listed.theirs), f"{name}.{part}"


def difference(target: Target, part: str) -> Difference | None:
    """What is known of a client's own ways; ours has none."""
    if target.name == "ours":
        return None
    fork = target.fork.name.lower()
    return next((one for one in ETHEREUMJS if one.case == part and one.fork in ("", fork)), None)


def test_every_listed_difference_is_of_a_case() -> None:
    parts = {f"{name}.{part}" for name, (_, expected) in CASES.items() for part in expected}
    assert {one.case for one in ETHEREUMJS} <= parts


def row(one: Difference) -> str:
    """A difference as the page has it."""
    name, part = one.case.rsplit(".", 1)
    ours_of_it = shown(CASES[name][1][part])
    words = name.replace("_", " ") + f": {part.replace('_', ' ')}"
    fork = f" ({one.fork})" if one.fork else ""
    return f"| {words}{fork} | {ours_of_it} | {shown(one.theirs)} | {one.reason} |"


def shown(answer: object) -> str:
    if isinstance(answer, tuple):
        status, latest = answer
        return f"{status}, {'null' if latest is None else latest}"
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return "null" if answer is None else str(answer)


def test_the_page_lists_every_difference_and_every_case() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/ethereum-node.md").read_text("utf-8")
    missing = [row(one) for one in ETHEREUMJS if row(one) not in page]
    assert not missing, "\n".join(missing)
    unnamed = [name for name in CASES if f"`{name}`" not in page]
    assert not unnamed, "\n".join(f"| `{name}` |" for name in unnamed)
