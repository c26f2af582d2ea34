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
    ],
)
def test_levels_by_logger(text: str, found: dict[str, int]) -> None:
    assert loglevels.parse(text, "flag") == found


@pytest.mark.parametrize(
    ("text", "near"), [("debgu", "debug"), ("alys=tracing", "trace"), ("9", None)]
)
def test_a_level_that_is_none_is_answered_with_the_nearest(text: str, near: str | None) -> None:
    with pytest.raises(
        errors.ConfigError, match=r"^RUST_LOG: log level .* allowed: error, warn"
    ) as caught:
        loglevels.parse(text, "RUST_LOG")
    assert caught.value.nearest == near
