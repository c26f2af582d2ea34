"""Every form of forgery is refused for the one thing that is wrong with it, and a node without that rule takes it."""

import pytest

from alys.chain import validity
from alys.chain.light_approvals import LightScheme
from alys.oracles.forgery import Believed
from alys.worlds import network
from alys.worlds.forgeries import FORMS
from tests.worlds import forging


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures that cost nothing."""
    monkeypatch.setattr(network, "SCHEMES", {"full": LightScheme})


def test_each_form_is_refused_for_its_reason() -> None:
    """Judged all of them, and in the same world: what is refused leaves nothing behind."""
    assert forging.judged(*FORMS) == dict.fromkeys(FORMS, True)


def test_a_rule_that_is_missing_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validity, "check_withdrawals", lambda *_: None)
    with pytest.raises(Believed, match="node-2 approved a block that is forged: extra withdrawal"):
        forging.judged("extra withdrawal")
