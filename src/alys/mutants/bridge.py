"""Planted bugs of the bridge and the federation."""

from alys.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = ()
