"""Who may open a stream, and what a registration gives."""

from typing import Any

import grpc
import pytest

from tests.contract.governance.client import Client
from tests.contract.governance.stage import Node, opened


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    code: Any = error.code()
    assert isinstance(code, grpc.StatusCode)
    return code


@pytest.mark.parametrize(
    "metadata",
    [(), (("authorization", "Bearer wrong"),), (("x-api-key", "wrong-key-of-16-letters"),)],
    ids=["nothing", "wrong-token", "wrong-key"],
)
def test_a_stream_without_credentials_is_unauthenticated(
    client: Client, metadata: tuple[tuple[str, str], ...]
) -> None:
    with client.stream(metadata) as stream:
        assert code_of(stream.end()) is grpc.StatusCode.UNAUTHENTICATED


def test_a_bearer_token_opens_a_stream(node: Node, client: Client) -> None:
    with client.stream(node.bearer) as stream:
        assert stream.register().accepted


def test_an_api_key_opens_a_stream(node: Node, client: Client) -> None:
    if not node.api_key:
        pytest.skip("this node has no API key")
    with client.stream((("x-api-key", node.api_key),)) as stream:
        auth = {"auth_type": "AUTH_TYPE_API_KEY", "credential_data": node.api_key.encode()}
        assert stream.register(auth=auth).accepted


def test_a_registration_gives_a_session_with_an_end(client: Client) -> None:
    with client.stream() as stream:
        answer = stream.ask(
            "r1",
            node_registration={
                "node_info": {
                    "public_key": "02" + "ab" * 32,
                    "node_type": "NODE_TYPE_BRIDGE",
                    "version": "1",
                    "region": "eu",
                },
                "capabilities": ["pegin", "pegout"],
                "endpoints": [
                    {"url": "grpc://a:1", "endpoint_type": "ENDPOINT_TYPE_GRPC", "enabled": True}
                ],
            },
        )
        ack = answer.registration_ack
        assert client.name(answer.metadata, "status") == "STATUS_CODE_SUCCESS"
        assert (ack.accepted, ack.assigned_node_id) == (True, "contract")
        assert ack.session_token
        assert ack.expires_at > answer.metadata.timestamp
        again = stream.register()
        assert again.session_token == ack.session_token
        assert again.expires_at >= ack.expires_at


@pytest.mark.parametrize(
    "auth",
    [
        {"auth_type": "AUTH_TYPE_BEARER", "credential_data": b"wrong"},
        {"auth_type": "AUTH_TYPE_API_KEY", "credential_data": b"wrong"},
        {"auth_type": "AUTH_TYPE_BEARER", "credential_data": b"wrong", "expires_at": 1},
        {"auth_type": "AUTH_TYPE_MUTUAL_TLS"},
    ],
    ids=["token", "key", "expired", "tls"],
)
def test_credentials_that_are_not_true_are_refused(client: Client, auth: dict[str, Any]) -> None:
    with client.stream() as stream:
        answer = stream.ask("r1", node_registration={"auth": auth})
        assert not answer.registration_ack.accepted
        assert client.name(answer.metadata, "status") == "STATUS_CODE_UNAUTHORIZED"
        assert answer.metadata.message
        assert stream.register().accepted, "the stream stays, for a better one"


def test_a_registration_of_another_protocol_is_refused(client: Client) -> None:
    with client.stream() as stream:
        stream.send("r1", version="v9", node_registration={})
        answer = stream.answer("r1")
        assert not answer.registration_ack.accepted
        assert "v1.0.0" in answer.metadata.message


@pytest.mark.parametrize(
    "payload",
    ["signature_request", "pegin_notification", "status_update", "heartbeat"],
)
def test_nothing_is_heard_before_a_registration(client: Client, payload: str) -> None:
    with client.stream() as stream:
        answer = stream.ask("early", **{payload: {}})
        assert client.name(answer.error_response, "error_code") == "ERROR_CODE_AUTHORIZATION_FAILED"
        assert stream.register().accepted


def test_a_stream_that_has_ended_leaves_room(client: Client) -> None:
    for _ in range(15):
        opened(client).close()
