"""Planted bugs of what speaks to the services: the stream of governance, the Engine API, Bitcoin's RPC."""

from alys.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = ()
