"""The trees as data: who starts before whom, and that no two actors share a name."""

from alys.actors.supervision import ChildSpec, check_specs
from alys.actors.supervisor import Supervisor
from alys.chain.approvals import BlsScheme
from alys.chain.spec import DEV_SECRETS, dev_spec
from alys.node.tree import Authority, cosigner_tree, node_tree


def authority(index: int) -> Authority:
    scheme = BlsScheme()
    return Authority(
        tree=f"tree-{index}",
        index=index,
        signer=scheme.signer(DEV_SECRETS[index]),
        verifier=scheme,
    )


def children(spec: ChildSpec) -> tuple[ChildSpec, ...]:
    supervisor = spec.factory()
    assert isinstance(supervisor, Supervisor)
    specs: tuple[ChildSpec, ...] = supervisor._children
    check_specs(specs)
    return specs


def leaves(spec: ChildSpec) -> list[ChildSpec]:
    """The actors under the domain supervisors."""
    return [leaf for domain in children(spec) if domain.supervisor for leaf in children(domain)]


def test_dependencies_start_first_and_so_stop_last() -> None:
    spec = dev_spec(bytes(32))
    node = node_tree(spec, authority(0), governance_nodes=3, token=None)
    *domains, health = children(node)
    assert [one.name for one in domains] == ["storage", "network", "bridge", "consensus"]
    assert all(one.supervisor for one in domains)
    assert (health.name, health.register) == ("health", "tree-0/health")
    assert [one.name for one in leaves(node)] == [
        "storage",
        "network",
        "peer",
        "sync",
        "stream",
        "bridge",
        "engine",
        "chain",
    ]
    cosigner = cosigner_tree(spec, authority(1))
    assert [one.name for one in leaves(cosigner)] == [
        "storage",
        "network",
        "peer",
        "sync",
        "engine",
        "chain",
    ]


def test_names_are_the_trees_own_and_mailboxes_bounded() -> None:
    spec = dev_spec(bytes(32))
    every = [
        *leaves(node_tree(spec, authority(0), governance_nodes=3, token=None)),
        *leaves(cosigner_tree(spec, authority(1))),
    ]
    names = [one.register for one in every]
    assert len(set(names)) == len(names)
    assert all(one.register and one.register.endswith(f"/{one.name}") for one in every)
    assert all(0 < one.mailbox_messages_max <= 100_000 for one in every)
