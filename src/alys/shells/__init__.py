"""Sockets, HTTP, gRPC and disk: thin servers round models, and gateway actors for the node."""
