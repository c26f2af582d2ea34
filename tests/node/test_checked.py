"""Every actor of the node can be asked whether it handles messages."""

from alys.actors.message import Priority
from alys.node.bridge import Bridge
from alys.node.chain import Chain
from alys.node.checked import Checked, CheckHealth
from alys.node.engine import Engine
from alys.node.network import Network
from alys.node.peers import Peers
from alys.node.storage import Storage
from alys.node.stream import Stream
from alys.node.sync import Sync


def test_every_actor_can_be_asked_ahead_of_its_other_messages() -> None:
    for actor in (Bridge, Chain, Engine, Network, Peers, Storage, Stream, Sync):
        assert issubclass(actor, Checked)
    assert CheckHealth.priority > Priority.NORMAL
