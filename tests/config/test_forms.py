"""Durations, URLs and labels."""

import pytest

from alys.config import forms


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("300s", 300),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("500ms", 0.5),
    ],
)
def test_a_duration_has_a_length(text: str, length: float) -> None:
    assert forms.seconds(text) == length


@pytest.mark.parametrize(
    "text", ["", "s", "15", "15 s", "-15s", "1.5h", "15sec", "15S", "1d or so"]
)
def test_what_has_no_unit_or_too_much_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        forms.seconds(text)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (300, 300),
        ("300", 300),
        ("300s", 300),
        (" 5m ", 300),
        ("2000ms", 2),
        (True, True),
        (1.5, 1.5),
    ],
)
def test_seconds_are_a_number_or_a_text_and_the_rest_is_left_to_the_type(
    value: object, found: object
) -> None:
    assert forms.whole_seconds(value) == found


def test_half_a_second_is_no_whole_one() -> None:
    with pytest.raises(ValueError, match="500ms"):
        forms.whole_seconds("500ms")


@pytest.mark.parametrize("value", [15, "0s", "", None])
def test_a_duration_for_prometheus_is_a_text_and_not_zero(value: object) -> None:
    with pytest.raises(ValueError, match=r".*"):
        forms.duration(value)


@pytest.mark.parametrize(
    "text", ["", "http://a", "https://a.b:1/c", "http://user:word@a:18332", "http://[::1]:8545"]
)
def test_an_address_over_http_or_nothing_is_a_url(text: str) -> None:
    assert forms.url(f" {text} ") == text


@pytest.mark.parametrize(
    "value",
    ["a:50051", "grpc://a:1", "http://", "http://:1", "http://a:0", "http://a:70000", "http://a:x",
     "http://a b", "http://a,http://b", 7],
)  # fmt: skip
def test_anything_else_is_none(value: object) -> None:
    with pytest.raises(ValueError, match=r".*"):
        forms.url(value)


@pytest.mark.parametrize("value", ["", "Alys", "a_b", "-a", "a-", "a" * 64, 7])
def test_a_namespace_has_the_form_of_a_label(value: object) -> None:
    assert forms.label("alys-v2-testing") == "alys-v2-testing"
    with pytest.raises(ValueError, match=r".*"):
        forms.label(value)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("http://user:word@host:1/x", "http://user:***@host:1/x"),
        ("- http://a:b@c\n- http://d:1", "- http://a:***@c\n- http://d:1"),
        ('["http://a:1","http://b:c@d:2"]', '["http://a:1","http://b:***@d:2"]'),
        ("http://a:p:q@r@host", "http://a:***@host"),
        ("http://host:18332", "http://host:18332"),
        ("plain @ text", "plain @ text"),
    ],
)
def test_a_password_in_a_url_is_for_nobody_to_see(text: str, safe: str) -> None:
    assert forms.without_password(text) == safe
