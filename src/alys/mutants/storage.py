"""Planted bugs of storage and recovery."""

from alys.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = ()
