"""The page has every call and every message of the proto with the test that shows it, and all of them go over the wire."""

import ast
import re
from pathlib import Path

import pytest

from alys.wire.generated import gossip_pb2
from alys.wire.generated import governance_pb2 as pb
from tests.contract.governance.client import Client
from tests.contract.governance.stage import Coin, Node, opened
from tests.contract.governance.test_announcements import proposal, update

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "docs/reference/governance-stream.md"
ROW = re.compile(r"^\| `([A-Za-z.]+)` \|(.*)\|$", re.MULTILINE)
TEST = re.compile(r"`(\S+\.py)::(test_\w+)`")


def rows() -> dict[str, str]:
    """What the page's table of the proto has, by name."""
    text = PAGE.read_text(encoding="utf-8").partition("## Every message")[2].partition("\n## ")[0]
    return dict(ROW.findall(text))


def calls_and_messages() -> list[str]:
    """``Service.Method`` and ``Message``, of the protocol and of our own service beside it."""
    found = []
    for file in (pb.DESCRIPTOR, gossip_pb2.DESCRIPTOR):
        for service in file.services_by_name.values():
            found += [f"{service.name}.{method.name}" for method in service.methods]
        found += list(file.message_types_by_name)
    return found


def test_the_page_has_every_call_and_every_message_and_nothing_else() -> None:
    assert sorted(rows()) == sorted(calls_and_messages())


@pytest.mark.parametrize("name", calls_and_messages())
def test_the_test_that_the_page_names_exists(name: str) -> None:
    named = TEST.findall(rows()[name])
    assert named, f"{name} has no test"
    for file, function in named:
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert function in functions, f"{file} has no {function}"


@pytest.mark.parametrize("oneof", ["StreamRequest", "StreamResponse"])
def test_the_row_of_a_payload_says_what_becomes_of_it(oneof: str) -> None:
    """Every kind of payload has all of its cells filled."""
    for field in pb.DESCRIPTOR.message_types_by_name[oneof].oneofs_by_name["payload"].fields:
        assert field.message_type is not None
        name = field.message_type.name
        cells = [cell.strip() for cell in rows()[name].split("|")]
        assert len(cells) == 4
        assert all(cells), f"{name}: an empty cell"


def test_every_message_of_the_proto_goes_over_the_wire(node: Node, client: Client) -> None:
    """One tour that sends and receives every message of the package, each with something in it."""
    if node.push is None:
        pytest.skip("nobody can order this node to announce anything")
    client.call("Health")
    client.call("GetCapabilities", node_id="tour")
    with client.stream() as stream:
        stream.register(
            node_info={"version": "1"},
            endpoints=[{"url": "grpc://a:1", "enabled": True}],
            auth={"auth_type": "AUTH_TYPE_BEARER", "credential_data": node.token.encode()},
        )
        stream.send("s", status_update={"status": 1, "metrics": {"memory_usage": 1}})
        stream.ask("h", heartbeat={"sequence": 1})
        coin = Coin.fresh(node.federation)
        stream.send("p", pegin_notification=coin.notification())
        stream.ask(coin.txid, signature_request=coin.request(timeout_seconds=60))
        stream.answer(node.push("federation_update", update(node))["request_id"])
        stream.answer(node.push("proposal", proposal("tour"))["request_id"])
    with opened(client) as stream:
        coin = Coin.fresh(node.federation)
        limit = client.call("GetCapabilities").limits["waiting_requests"]
        for number in range(limit + 1):
            request = coin.request(timeout_seconds=60)
            stream.send(f"{coin.txid} {number}", signature_request=request)
        stream.answer(f"{coin.txid} {limit}")
    assert sorted(client.seen) == sorted(client.file.message_types_by_name)
