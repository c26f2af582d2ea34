"""The Stream actor and the governance nodes: connections, routing, recovery, load."""
