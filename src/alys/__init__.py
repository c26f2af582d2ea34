"""Alys: the actor system of a merged-mined Bitcoin sidechain node, and the bench that tests it."""

__version__ = "0.1.0"
