"""The cluster: turns at the chains, generated secrets, clean-up of Jobs. The one room that speaks to its API server.

It leans on ``base`` alone and is told everything else. What each part asks of the API server, verb by verb, stands in
docs/reference/cluster.md; the Roles in k8s/ grant that and no more.
"""
