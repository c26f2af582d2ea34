"""What anybody may ask: Health, GetCapabilities, gRPC's own health service, reflection. And what is answered to noise."""

import grpc
import pytest

from tests.contract.governance.client import SERVICE, Client
from tests.contract.governance.stage import Node, opened
from tests.contract.governance.test_access import code_of

HEALTH = "grpc.health.v1.Health"
REFLECTION = "grpc.reflection.v1alpha.ServerReflection"


@pytest.fixture
def nobody(node: Node) -> Client:
    """A client without credentials."""
    return Client(node.target)


def test_health_is_told_to_anybody(nobody: Client) -> None:
    answer = nobody.call("Health")
    assert nobody.name(answer, "status") == "HEALTH_STATUS_HEALTHY"
    assert answer.version
    assert answer.uptime >= 0
    assert answer.info["network"]


def test_a_check_may_be_named_and_an_unknown_one_is_unknown(nobody: Client) -> None:
    known = nobody.call("Health", check_type="streams")
    assert nobody.name(known, "status") == "HEALTH_STATUS_HEALTHY"
    assert set(known.info) == {"streams", "registered"}
    unknown = nobody.call("Health", check_type="weather")
    assert nobody.name(unknown, "status") == "HEALTH_STATUS_UNKNOWN"


def test_health_counts_the_streams(client: Client) -> None:
    before = int(client.call("Health").info["registered"])
    with opened(client):
        assert int(client.call("Health").info["registered"]) == before + 1


def test_capabilities_name_the_protocol_the_ways_in_and_the_limits(
    node: Node, nobody: Client
) -> None:
    answer = nobody.call("GetCapabilities", node_id="anyone")
    assert list(answer.protocol_versions) == ["v1.0.0"]
    assert "bearer-auth" in answer.features
    assert ("api-key-auth" in answer.features) == bool(node.api_key)
    assert answer.limits["signature_threshold"] == node.federation.threshold
    assert answer.limits["federation_members"] == len(node.federation.keys)


def test_the_limit_on_messages_is_the_one_that_is_told(client: Client) -> None:
    limit = client.call("GetCapabilities").limits["max_message_bytes"]
    with opened(client) as stream:
        answer = stream.ask("large", signature_request={"tx_hex": "0" * (limit - 200)})
        assert client.name(answer.signature_response, "status") == "SIGNATURE_STATUS_FAILED"
        stream.send("larger", signature_request={"tx_hex": "0" * limit})
        assert code_of(stream.end()) is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_the_limit_on_streams_is_the_one_that_is_told(client: Client) -> None:
    limit = client.call("GetCapabilities").limits["streams_of_one_node"]
    streams = [opened(client) for _ in range(limit)]
    with client.stream() as one_more:
        answer = one_more.ask("r1", node_registration={})
        assert not answer.registration_ack.accepted
        assert client.name(answer.metadata, "status") == "STATUS_CODE_RATE_LIMITED"
        assert code_of(one_more.end()) is grpc.StatusCode.RESOURCE_EXHAUSTED
    for stream in streams:
        stream.close()


@pytest.mark.parametrize("service", ["", SERVICE], ids=["whole", "stream"])
def test_grpcs_own_health_service_says_serving(nobody: Client, service: str) -> None:
    request = nobody.other(f"{HEALTH}CheckRequest", service=service)
    answer = nobody.other("grpc.health.v1.HealthCheckResponse").DESCRIPTOR
    status = nobody.raw(f"{HEALTH}/Check", request, answer).status
    assert answer.enum_types_by_name["ServingStatus"].values_by_number[status].name == "SERVING"


def test_grpcs_own_health_service_does_not_know_what_is_not_there(nobody: Client) -> None:
    request = nobody.other("grpc.health.v1.HealthCheckRequest", service="nothing.v1.Such")
    with pytest.raises(grpc.RpcError) as refused:
        nobody.raw(f"{HEALTH}/Check", request)
    assert code_of(refused.value) is grpc.StatusCode.NOT_FOUND


def test_reflection_tells_of_every_service_and_every_method(nobody: Client) -> None:
    assert {SERVICE, HEALTH, REFLECTION} <= set(nobody.services)
    assert sorted(nobody.service.methods_by_name) == ["GetCapabilities", "Health", "Stream"]
    method = nobody.service.methods_by_name["Stream"]
    assert (method.client_streaming, method.server_streaming) == (True, True)


@pytest.mark.parametrize("method", ["Health", "GetCapabilities"])
def test_noise_is_an_invalid_argument(nobody: Client, method: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        nobody.raw(f"{SERVICE}/{method}", b"\xff\xff\xff")
    assert code_of(refused.value) is grpc.StatusCode.INVALID_ARGUMENT


def test_noise_on_a_stream_is_an_invalid_argument(client: Client) -> None:
    with opened(client) as stream:
        stream.send_frame(b"\xff\xff\xff")
        assert code_of(stream.end()) is grpc.StatusCode.INVALID_ARGUMENT


def test_a_method_that_is_not_there_is_unimplemented(nobody: Client) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        nobody.raw(f"{SERVICE}/Nothing", b"")
    assert code_of(refused.value) is grpc.StatusCode.UNIMPLEMENTED
