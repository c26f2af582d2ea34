"""Planted bugs of the actor runtime."""

from alys.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = ()
