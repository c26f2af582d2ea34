"""Values of enums by their names, those of a newer proto by their numbers."""

from alys.wire.enum_names import enum_name
from alys.wire.generated import governance_pb2 as pb


def test_a_known_value_has_its_name_and_an_unknown_one_its_number() -> None:
    assert enum_name(pb.NodeStatus, pb.NODE_STATUS_ACTIVE) == "NODE_STATUS_ACTIVE"
    assert enum_name(pb.SignatureStatus, 0) == "SIGNATURE_STATUS_UNSPECIFIED"
    assert enum_name(pb.SignatureStatus, 77) == "77"
