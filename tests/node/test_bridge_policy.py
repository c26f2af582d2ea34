"""The figures of the bridge: waits grow, and then stay."""

from alys.node.bridge_policy import BridgePolicy


def test_waits_grow_and_then_stay_and_by_then_it_is_an_incident() -> None:
    policy = BridgePolicy()
    assert [policy.wait(failures) for failures in range(1, 6)] == [5.0, 15.0, 45.0, 60.0, 60.0]
    assert [policy.exhausted(failures) for failures in range(1, 6)] == [False] * 3 + [True] * 2


def test_the_figures_that_the_field_names_are_the_fields() -> None:
    policy = BridgePolicy()
    assert policy.signature_timeout_seconds == 300
    assert policy.operation_timeout_seconds == 3600
    assert len(policy.retry_seconds) == 3
