"""What any node must do, seen through public interfaces only: of Bitcoin, of the execution client, and of the node where it has one.

``alys check`` runs these round a node that somebody else started. Each finding has its row in ``report.conformance``.
"""
