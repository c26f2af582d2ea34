"""Planted bugs of blocks and consensus."""

from alys.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = ()
