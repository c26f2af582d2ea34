"""The proto is what the protocol says, number by number, and the committed code is made from it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor

from alys.wire.generated import governance_pb2 as pb

ROOT = Path(__file__).resolve().parents[2]

# Written down apart from the .proto: message, then "number:name type", "?" optional, "*" repeated.
MESSAGES = """
StreamRequest 1:metadata RequestMetadata, 10:node_registration NodeRegistration, 20:signature_request SignatureRequest, 30:pegin_notification PeginNotification, 40:status_update StatusUpdate, 50:heartbeat Heartbeat
StreamResponse 1:metadata ResponseMetadata, 10:registration_ack NodeRegistrationAck, 20:signature_response SignatureResponse, 30:federation_update FederationUpdate, 40:proposal_notification ProposalNotification, 50:error_response ErrorResponse, 60:heartbeat_ack HeartbeatAck
RequestMetadata 1:request_id string, 2:timestamp int64, 3:node_id string, 4:protocol_version string, 5:priority RequestPriority, 6:timeout int32?
ResponseMetadata 1:request_id string, 2:timestamp int64, 3:node_id string, 4:status StatusCode, 5:message string?
NodeRegistration 1:node_info NodeInfo, 2:capabilities string*, 3:endpoints NetworkEndpoint*, 4:auth AuthCredentials
NodeRegistrationAck 1:accepted bool, 2:assigned_node_id string, 3:session_token string?, 4:expires_at int64?
SignatureRequest 1:tx_hex string, 2:input_indices uint32*, 3:amounts uint64*, 4:tx_type TransactionType, 5:required_signatures uint32, 6:timeout_seconds int32?
SignatureResponse 1:status SignatureStatus, 2:signatures WitnessData*, 3:failure_reason string?, 4:partial_signatures PartialSignature*
PeginNotification 1:btc_txid string, 2:vout uint32, 3:amount uint64, 4:evm_address string, 5:confirmations uint32, 6:extra_data bytes?
FederationUpdate 1:update_type FederationUpdateType, 2:members FederationMember*, 3:effective_height uint64, 4:update_signature bytes, 5:config FederationConfig?
ProposalNotification 1:proposal_id string, 2:proposal_type ProposalType, 3:proposal_data bytes, 4:voting_deadline int64, 5:required_votes uint32
StatusUpdate 1:status NodeStatus, 2:block_height uint64, 3:sync_status SyncStatus, 4:connection_count uint32, 5:metrics PerformanceMetrics?
ErrorResponse 1:error_code ErrorCode, 2:error_message string, 3:error_details string?, 4:retry_info RetryInfo?
Heartbeat 1:timestamp int64, 2:sequence uint64, 3:health HealthStatus
HeartbeatAck 1:original_timestamp int64, 2:ack_timestamp int64, 3:sequence uint64
HealthRequest 1:check_type string?
HealthResponse 1:status HealthStatus, 2:version string, 3:uptime int64, 4:info map<string.string>
CapabilitiesRequest 1:node_id string
CapabilitiesResponse 1:protocol_versions string*, 2:features string*, 3:limits map<string.int32>
NodeInfo 1:public_key string, 2:node_type NodeType, 3:version string, 4:region string?
NetworkEndpoint 1:url string, 2:endpoint_type EndpointType, 3:priority uint32, 4:enabled bool
AuthCredentials 1:auth_type AuthType, 2:credential_data bytes, 3:expires_at int64?
WitnessData 1:signature bytes, 2:public_key bytes, 3:sig_type SignatureType
PartialSignature 1:signer_id string, 2:signature bytes, 3:status SignatureStatus
FederationMember 1:member_id string, 2:public_key bytes, 3:weight uint32, 4:active bool
FederationConfig 1:signature_threshold uint32, 2:member_count uint32, 3:parameters map<string.string>
PerformanceMetrics 1:cpu_usage float, 2:memory_usage uint64, 3:network_sent uint64, 4:network_received uint64, 5:avg_latency_ms float
RetryInfo 1:retry_after int32, 2:max_retries int32, 3:current_attempt int32
"""

ENUMS = """
RequestPriority LOW1 NORMAL2 HIGH3 CRITICAL4
StatusCode SUCCESS1 ERROR2 TIMEOUT3 UNAUTHORIZED4 RATE_LIMITED5 SERVICE_UNAVAILABLE6
TransactionType PEGIN1 PEGOUT2 FEDERATION_CHANGE3 EMERGENCY4
SignatureStatus PENDING1 PARTIAL2 COMPLETE3 FAILED4 TIMEOUT5
FederationUpdateType MEMBER_ADD1 MEMBER_REMOVE2 CONFIG_CHANGE3 EMERGENCY_HALT4
ProposalType FEDERATION_CHANGE1 PARAMETER_CHANGE2 EMERGENCY_ACTION3 UPGRADE4
NodeType VALIDATOR1 OBSERVER2 BRIDGE3 SIGNER4
EndpointType GRPC1 REST2 WEBSOCKET3
AuthType BEARER1 MUTUAL_TLS2 SIGNATURE3 API_KEY4
SignatureType ECDSA1 SCHNORR2 BLS3
NodeStatus STARTING1 SYNCING2 ACTIVE3 DEGRADED4 OFFLINE5
SyncStatus SYNCED1 SYNCING2 STALLED3 ERROR4
HealthStatus HEALTHY1 DEGRADED2 UNHEALTHY3 UNKNOWN4
ErrorCode INVALID_REQUEST1 AUTHENTICATION_FAILED2 AUTHORIZATION_FAILED3 RATE_LIMITED4 SERVICE_UNAVAILABLE5 TIMEOUT6 INTERNAL_ERROR7 INVALID_SIGNATURE8 INSUFFICIENT_SIGNATURES9 FEDERATION_ERROR10
"""

SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def type_of(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields
            return f"map<{type_of(key)}.{type_of(value)}>"
        return field.message_type.name
    if field.enum_type is not None:
        return field.enum_type.name
    return SCALARS[field.type]


def mark_of(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "" if type_of(field).startswith("map") else "*"
    oneof = field.containing_oneof
    return "?" if oneof is not None and oneof.name.startswith("_") else ""


def shown(field: FieldDescriptor) -> str:
    return f"{field.number}:{field.name} {type_of(field)}{mark_of(field)}"


def upper_snake(name: str) -> str:
    return "".join(f"_{c}" if c.isupper() else c.upper() for c in name).lstrip("_")


def test_every_message_has_the_fields_numbers_and_presence_of_the_protocol() -> None:
    built = {
        name: f"{name} {', '.join(shown(field) for field in message.fields)}"
        for name, message in pb.DESCRIPTOR.message_types_by_name.items()
    }
    assert sorted(built.values()) == sorted(MESSAGES.strip().splitlines())


def test_every_enum_has_the_values_of_the_protocol_with_its_name_as_prefix() -> None:
    built = []
    for name, enum in pb.DESCRIPTOR.enum_types_by_name.items():
        prefix = upper_snake(name) + "_"
        assert all(value.name.startswith(prefix) for value in enum.values)
        zero, *others = enum.values
        assert (zero.name, zero.number) == (prefix + "UNSPECIFIED", 0)
        words = [f"{value.name.removeprefix(prefix)}{value.number}" for value in others]
        built.append(f"{name} {' '.join(words)}")
    assert sorted(built) == sorted(ENUMS.strip().splitlines())


@pytest.mark.parametrize(
    ("message", "first"), [("StreamRequest", 10), ("StreamResponse", 10)], ids=str
)
def test_the_payloads_of_a_stream_message_share_one_oneof(message: str, first: int) -> None:
    oneof = pb.DESCRIPTOR.message_types_by_name[message].oneofs_by_name["payload"]
    numbers = [field.number for field in oneof.fields]
    fields = pb.DESCRIPTOR.message_types_by_name[message].fields
    assert numbers == [field.number for field in fields if field.number >= first]


def test_the_service_has_the_three_methods_and_only_the_stream_streams() -> None:
    service = pb.DESCRIPTOR.services_by_name["GovernanceStream"]
    assert service.full_name == "governance.v1.GovernanceStream"
    built = {
        method.name: (
            method.input_type.name,
            method.client_streaming,
            method.output_type.name,
            method.server_streaming,
        )
        for method in service.methods
    }
    assert built == {
        "Stream": ("StreamRequest", True, "StreamResponse", True),
        "Health": ("HealthRequest", False, "HealthResponse", False),
        "GetCapabilities": ("CapabilitiesRequest", False, "CapabilitiesResponse", False),
    }


def test_the_committed_code_is_what_the_proto_generates() -> None:
    if importlib.util.find_spec("grpc_tools") is None:
        pytest.skip("grpcio-tools is not installed")
    if not Path(sys.executable).with_name("protoc-gen-mypy").exists():
        pytest.skip("mypy-protobuf is not installed")
    command = [sys.executable, str(ROOT / "tools/generate_proto.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
