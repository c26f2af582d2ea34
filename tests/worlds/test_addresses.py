"""URLs without what opens the door."""

import pytest

from alys.config import keys
from alys.config.settings import MockServices
from alys.worlds import addresses


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("http://alice:p%40ss@node:18332/wallet/x", "http://node:18332/wallet/x"),
        ("http://node:18332", "http://node:18332"),
    ],
)
def test_a_url_is_told_without_user_and_password(url: str, plain: str) -> None:
    assert addresses.without_user(url) == plain


def test_user_and_password_of_the_url_open_the_door() -> None:
    given = MockServices(bitcoin_rpc_url="http://alice:p%40ss@node:18332")
    door = addresses.basic(keys.read({}, given))
    assert (door.user, door.password) == ("alice", "p@ss")
