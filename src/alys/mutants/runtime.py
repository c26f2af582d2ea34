"""Planted bugs of the actor runtime. Most show themselves in the actor storm; ``source`` says where their like was met."""

from alys.mutants import families, mail
from alys.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*families.MUTANTS, *mail.MUTANTS)
