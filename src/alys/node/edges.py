"""Who may say what to whom in the node: the edges between its actors (decision D5), as data that traces are held against.

An edge is a sender, a receiver and the messages that may pass. What is asked (and awaited) runs along Chain to Engine and
from anybody to Storage only, so no circle of waiting can close; all the rest is told. Questions from outside come from the
system itself and are no edges. No actor speaks to another node's: what crosses between nodes goes through Network and its port.
"""

from collections.abc import Mapping

Edge = tuple[str, str]
"""Sender and receiver."""

ASKED: Mapping[Edge, frozenset[str]] = {
    ("chain", "engine"): frozenset(
        {"BuildPayload", "ExecutePayload", "GetGenesis", "GetPayloadFacts", "SetHead"}
    ),
    ("chain", "storage"): frozenset(
        {
            "ChangeRecords",
            "LoadApproval",
            "LoadBlock",
            "LoadBlockAt",
            "LoadRecords",
            "LoadTree",
            "StoreBlocks",
        }
    ),
    **{
        ("health", actor): frozenset(
            {"CheckHealth", "GetSyncStatus"} if actor == "sync" else {"CheckHealth"}
        )
        for actor in ("storage", "network", "peer", "sync", "bridge", "engine")
    },
    ("health", "chain"): frozenset({"CheckHealth", "GetStatus"}),
    ("health", "stream"): frozenset({"CheckHealth", "GetStreamStatus"}),
    ("bridge", "storage"): frozenset({"ChangeRecords", "LoadRecords", "SaveRecords"}),
    ("peer", "storage"): frozenset({"LoadRecords", "SaveRecords"}),
    ("sync", "storage"): frozenset({"ChangeRecords", "LoadBlockAt", "LoadRecords"}),
    ("stream", "storage"): frozenset({"LoadRecords", "SaveRecords"}),
}

TOLD: Mapping[Edge, frozenset[str]] = {
    ("chain", "bridge"): frozenset(
        {
            "BlockImported",
            "BlocksReverted",
            "ChainStarted",
            "FederationsKnown",
            "PeginUnclaimable",
            "PayoutsFinalised",
        }
    ),
    ("chain", "stream"): frozenset({"FederationsKnown", "ReportStatus"}),
    ("chain", "network"): frozenset({"Publish", "SendTo"}),
    ("network", "chain"): frozenset(
        {
            "BlockApproved",
            "BlockProposed",
            "BlockRefused",
            "BlockSealed",
            "PayoutHeard",
            "PowQueued",
        }
    ),
    ("network", "peer"): frozenset({"PeerConnected", "PeerDid", "PeerDisconnected"}),
    ("network", "sync"): frozenset(
        {"BlocksAnswered", "BlocksAsked", "PeerConnected", "PeerDisconnected", "StatusHeard"}
    ),
    ("peer", "network"): frozenset({"ConnectToPeer", "DisconnectPeer", "WhoIsThere"}),
    ("peer", "sync"): frozenset({"PeersRanked"}),
    ("sync", "network"): frozenset({"Publish", "SendTo", "WhoIsThere"}),
    ("sync", "peer"): frozenset({"PeerDid"}),
    ("sync", "chain"): frozenset({"BlocksFetched", "SyncState", "WhereIsHead"}),
    ("chain", "sync"): frozenset({"BlocksTaken", "HeadChanged", "ParentMissing"}),
    ("chain", "peer"): frozenset({"PeerDid"}),
    ("engine", "bridge"): frozenset({"BurnDetected"}),
    ("bridge", "chain"): frozenset({"BitcoinSeen", "PayoutSigned", "PeginReady", "PeginWithdrawn"}),
    ("bridge", "stream"): frozenset({"NotifyPegin", "RequestSignatures"}),
    ("stream", "bridge"): frozenset(
        {
            "FederationAnnounced",
            "HaltChanged",
            "PeginNoticed",
            "RepeatUnconfirmed",
            "SignaturesCollected",
            "SignaturesShort",
        }
    ),
    ("stream", "chain"): frozenset(
        {"FederationAnnounced", "FederationHealth", "HaltChanged", "ProposalAnnounced"}
    ),
}
