"""What a fault excuses, and what it does not."""

from alys.actors.errors import ActorStopped, AskFailed, AskTimeout, IntensityExceeded, MailboxFull
from alys.actors.ref import Ref
from alys.base import faults
from alys.base.trouble import Crash, DiskRefuses, Full, Kill, Late, Pause
from alys.node.errors import EngineRefused, PortDown, StoreFailed
from alys.worlds.actor_troubles import InjectedFault
from alys.worlds.excuses import LINGER_SECONDS, Excuses

CHAIN, OTHER = Ref("/alys/node/consensus/chain", 1), Ref("/alys/node-1/consensus/chain", 2)
TREE = "/alys/node"


def caused(error: IntensityExceeded, by: BaseException) -> BaseException:
    error.__cause__ = by
    return error


def test_an_injected_failure_is_excused_and_what_follows_from_it() -> None:
    excuses = Excuses(lambda: 0.0)
    injected = InjectedFault("ordered")
    follows = caused(IntensityExceeded("/alys/node", 1, 1.0), AskFailed("/alys/x", "Get", injected))
    assert excuses.hold(CHAIN, injected)
    assert excuses.hold(CHAIN, follows)
    assert not excuses.hold(CHAIN, AskFailed("/alys/x", "Get", ValueError()))


def test_a_refusal_is_excused_where_the_gateway_was_made_to_fail_under_the_question() -> None:
    excuses = Excuses(lambda: 0.0)
    refused = EngineRefused("engine_exchangeCapabilities", "no answer")
    assert not excuses.hold(CHAIN, refused)
    refused.__cause__ = ValueError("a bug")
    assert not excuses.hold(CHAIN, refused)
    refused.__cause__ = AskFailed("/alys/node-engine", "JsonRpcCall", InjectedFault("ordered"))
    assert excuses.hold(CHAIN, refused)
    refused.__cause__ = ActorStopped("/alys/node-engine")
    assert not excuses.hold(CHAIN, refused)
    excuses.give([TREE], Crash(moment="after"))
    assert excuses.hold(CHAIN, refused)


def test_a_fault_excuses_its_symptoms_in_its_tree_and_for_a_while() -> None:
    time = [0.0]
    excuses = Excuses(lambda: time[0])
    failed = StoreFailed("No space left on device")
    assert not excuses.hold(CHAIN, failed)
    excuse = excuses.give([TREE], DiskRefuses(duration_s=5))
    assert excuses.hold(CHAIN, failed)
    assert not excuses.hold(OTHER, failed)
    assert not excuses.hold(CHAIN, ValueError("a bug"))
    excuses.end(excuse)
    time[0] = LINGER_SECONDS
    assert excuses.hold(CHAIN, failed)
    time[0] += 1
    assert not excuses.hold(CHAIN, failed)


def test_each_kind_has_the_symptoms_that_it_leads_to_and_no_others() -> None:
    silent, full = AskTimeout("/alys/node/x", "Get", 1.0), MailboxFull("/alys/node/x", 5)
    down = PortDown("the Bitcoin node", "connection refused")
    table = [
        (Pause(duration_s=1), silent, True),
        (Pause(duration_s=1), full, False),
        (Full(duration_s=1), full, True),
        (faults.Refuse(), down, True),
        (faults.WrongSignature(), down, False),
        (Late(ms=1, duration_s=1), silent, False),
        (Kill(), down, False),
    ]
    for fault, error, excused in table:
        excuses = Excuses(lambda: 0.0)
        excuses.give([TREE], fault)
        assert excuses.hold(CHAIN, error) is excused, (fault, error)
        assert excuses.hold(Ref("/alys/node-wire", 3), error) is excused, "its ports too"
