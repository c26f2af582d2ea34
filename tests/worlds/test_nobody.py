"""Governance nodes that a world does not have."""

import asyncio

import pytest

from alys.base.errors import UsageError
from alys.worlds.nobody import Nobody


@pytest.mark.parametrize("verb", ["state", "faults", "health", "capabilities", "stop", "start"])
def test_who_asks_for_them_hears_what_they_need(verb: str) -> None:
    with pytest.raises(UsageError, match=rf"^world\.governance\.{verb} needs governance nodes"):
        asyncio.run(getattr(Nobody(), verb)(0))
