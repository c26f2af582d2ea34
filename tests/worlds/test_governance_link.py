"""Ways of several nodes of ours to one governance node."""

from alys.base.prng import SeededRandom
from alys.chain.spec import DEV_SECRETS, dev_spec
from alys.models.governance.node import GovernanceNode
from alys.worlds import network
from alys.worlds.governance_link import GovernanceLink, acquaint


def node() -> GovernanceNode:
    spec = dev_spec(bytes(32))
    return network.governance(spec, DEV_SECRETS, lambda: 1_767_225_600.0, SeededRandom(1))[0]


def test_streams_of_several_nodes_are_told_apart_and_one_that_breaks_is_closed_at_the_other_end() -> (
    None
):
    shared = node()
    links = [GovernanceLink(node=shared), GovernanceLink(node=shared, prefix="node-1/")]
    acquaint(links)
    assert [link.beside for link in links] == [[links[1]], [links[0]]]
    for link in links:
        link.streams, link.is_open = 1, True
        shared.connect(link.connection_id, {"authorization": f"Bearer {network.GOVERNANCE_TOKEN}"})
    assert {link.connection_id for link in links} == {"stream-1", "node-1/stream-1"}
    links[1].queue.append(lambda ctx: None)
    links[1].break_off()
    assert (len(shared.registry), links[1].is_open, len(links[1].queue)) == (1, False, 0)
    links[1].break_off()
    assert len(shared.registry) == 1
