"""How hard merged mining is: the compact target of a proof, from the proof before it and the blocks it covers.

Wanted is one proof in ``target_spacing`` blocks. A proof that covers more came late and the next target is easier, one that
covers fewer came early and it is harder, by at most ``max_adjustment`` percent a step. Targets move only for a range that ends
at a multiple of the interval (``target_timespan // target_spacing`` blocks) or covers more than that.

All of it depends on the branch alone: the bits and the height of its last proof, and the height that the range ends at. So
work stays valid whatever the judge's head is. (Upstream clamps a step down to 20 % of the target instead of 80 %, and knows
``pow_limit`` without applying it.)
"""

from fractions import Fraction

import msgspec

from alys.wire import bitcoin

_WHOLE = 100
"""Ratios are in hundredths, rounded half to even, as upstream rounds them."""


class RetargetParams(msgspec.Struct, frozen=True, kw_only=True):
    """One chain's constants of it; targets in compact form."""

    pow_limit: int
    """The easiest target."""
    pow_lower_limit: int
    """The hardest target."""
    target_timespan: int
    target_spacing: int
    """How many blocks one proof should cover."""
    no_retargeting: bool
    """The bits are the specification's for ever."""
    max_adjustment: int
    """Of one step, percent."""

    def __post_init__(self) -> None:
        if not 0 < self.target_spacing <= self.target_timespan:
            raise ValueError(
                f"target_spacing {self.target_spacing} must be positive and at most "
                f"target_timespan {self.target_timespan}"
            )
        if not 0 <= self.max_adjustment < _WHOLE:
            raise ValueError(f"max_adjustment must be 0 to 99 percent, not {self.max_adjustment}")
        hardest, easiest = map(bitcoin.target_of, (self.pow_lower_limit, self.pow_limit))
        if not 0 < hardest <= easiest:
            raise ValueError(
                f"pow_lower_limit {self.pow_lower_limit:08x} must be a target at or below "
                f"that of pow_limit {self.pow_limit:08x}"
            )

    @property
    def interval(self) -> int:
        """In blocks: where targets move."""
        return self.target_timespan // self.target_spacing

    def allows(self, bits: int) -> bool:
        """Whether a compact target lies within the limits."""
        target = bitcoin.target_of(bits)
        lowest, highest = map(bitcoin.target_of, (self.pow_lower_limit, self.pow_limit))
        return lowest <= target <= highest


def required_bits(
    params: RetargetParams, *, last_bits: int, last_height: int, end_height: int
) -> int:
    """The compact target of work over the blocks from ``last_height`` (the last finalised one, left out) to ``end_height``.

    ``last_bits`` are those of the last proof, before the first one those of the specification. Raises ValueError for an empty range.
    """
    covered = end_height - last_height
    if covered <= 0:
        raise ValueError(f"a range that ends at {end_height} after {last_height} covers nothing")
    if params.no_retargeting or not _moves(params, covered, end_height):
        return last_bits
    percent = adjustment_percent(params, covered)
    if percent == _WHOLE:
        return last_bits
    target = bitcoin.target_of(last_bits) // _WHOLE * percent
    hardest, easiest = map(bitcoin.target_of, (params.pow_lower_limit, params.pow_limit))
    return bitcoin.compact_of(min(max(target, hardest), easiest))


def adjustment_percent(params: RetargetParams, covered: int) -> int:
    """What percentage of the last target the next one is, for a proof that covers so many blocks."""
    percent = round(Fraction(_WHOLE * covered, params.target_spacing))
    return min(max(percent, _WHOLE - params.max_adjustment), _WHOLE + params.max_adjustment)


def _moves(params: RetargetParams, covered: int, end_height: int) -> bool:
    return end_height % params.interval == 0 or covered > params.interval
