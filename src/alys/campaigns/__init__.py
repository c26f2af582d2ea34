"""Campaigns: many seeds of a federation's life under faults, each a plan that can be run again, shrunk and kept. No pytest, no sockets."""
