"""Faults of nodes, disks, connections and actors as data."""

import msgspec
import pytest

from alys.base import faults, trouble


def test_every_kind_survives_json() -> None:
    """A kind is found again by its word, with those of the services in one vocabulary."""
    kill = trouble.Kill(down_s=2.0, disk="torn")
    late = faults.Latency(ms=5)
    for fault in (kill, late):
        assert trouble.read(msgspec.json.decode(msgspec.json.encode(fault))) == fault
    assert set(faults.KINDS) < set(trouble.KINDS)


def test_a_fault_must_fit_its_target() -> None:
    """A disk cannot be cut, and the refusal says who can."""
    trouble.fit("wire-0-1", trouble.Cut(duration_s=1.0))
    with pytest.raises(faults.BadFault, match="cut is a fault of wire, not of 'disk-0'"):
        trouble.fit("disk-0", trouble.Cut(duration_s=1.0))
    with pytest.raises(faults.BadFault, match="no target 'moon'"):
        trouble.service_of("moon")


def test_what_is_no_fault_is_refused_by_name() -> None:
    """The field that is wrong is in the message."""
    with pytest.raises(faults.BadFault, match="down_s"):
        trouble.read({"kind": "kill", "down_s": -1})
