"""Who a node is among its peers; alive it is in tests/cli/test_node_among_peers.py."""

from pathlib import Path

import pytest

from alys.base.errors import UsageError
from alys.worlds.member import Membership


def test_an_index_is_one_of_the_authorities_and_every_one_of_them_has_an_address() -> None:
    peers = ("a:1", "", "c:3")
    assert Membership(index=2, peers=peers, listen=("0.0.0.0", 1), data_dir=Path("d")).index == 2
    with pytest.raises(UsageError, match="allowed: 0 to 2"):
        Membership(index=-1, peers=peers, listen=("127.0.0.1", 0), data_dir=Path("data"))
    with pytest.raises(UsageError, match="one for each of the 3 authorities"):
        Membership(index=0, peers=("a:1",), listen=("127.0.0.1", 0), data_dir=Path("data"))
