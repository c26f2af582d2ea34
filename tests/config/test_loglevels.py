"""Log levels as people type them."""

import pytest

from alys.config import errors, loglevels


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {"": 20}),
        ("debug", {"": 10}),
        ("INFO", {"": 20}),
        ("trace", {"": 5}),
        ("warn, alys.node=debug", {"": 30, "alys.node": 10}),
        ("alys::actors::system=trace", {"": 20, "alys.actors.system": 5}),
        ("off,alys=error", {"": 100, "alys": 40}),
        ("warn,,alys_actor_system=debug,", {"": 30, "alys_actor_system": 10}),
        ("alys::node", {"": 20, "alys.node": 5}),
        ("error,alys", {"": 40, "alys": 5}),
        ("alys = trace , info", {"": 20, "alys": 5}),
    ],
)
def test_levels_by_logger(text: str, found: dict[str, int]) -> None:
    assert loglevels.parse(text, "flag") == found


@pytest.mark.parametrize(
    ("text", "directive", "near"),
    [
        ("debgu", "debgu", "debug"),
        ("info,alys=tracing", "alys=tracing", "trace"),
        ("9", "9", None),
        ("=debug", "=debug", None),
        ("info, alys=", "alys=", None),
        ("al ys=debug", "al ys=debug", None),
        ("alys.=debug", "alys.=debug", None),
        ("info;alys=debug", "info;alys=debug", None),
    ],
)
def test_a_directive_that_is_none_is_named_and_answered_with_the_nearest(
    text: str, directive: str, near: str | None
) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        loglevels.parse(text, "RUST_LOG")
    assert str(caught.value).startswith(
        f"RUST_LOG: test_environment.log_level: directive {directive!r} cannot stand"
    )
    assert "allowed: error, warn, info, debug, trace, off" in str(caught.value)
    assert caught.value.nearest == near
