"""What can be wrong with a configuration, said in one line."""

import difflib
from collections.abc import Iterable

from alys.base import errors


class ConfigError(errors.UsageError):
    """A key or a value that cannot stand; names where it was read, what is allowed and the nearest valid name."""

    def __init__(
        self,
        problem: str,
        *,
        key: str = "",
        where: str,
        allowed: str = "",
        nearest: str | None = None,
        more: int = 0,
    ) -> None:
        self.problem = problem
        self.key = key
        self.where = where
        self.allowed = allowed
        self.nearest = nearest
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        bounds = f"; allowed: {allowed}" if allowed else ""
        others = f" (and {more} more: alys config check shows all)" if more else ""
        super().__init__(f"{where}: {problem}{hint}{bounds}{others}")

    def one_of(self, count: int) -> "ConfigError":
        """The same complaint, as the first of so many."""
        return ConfigError(
            self.problem,
            key=self.key,
            where=self.where,
            allowed=self.allowed,
            nearest=self.nearest,
            more=count - 1,
        )


def nearest_name(word: str, names: Iterable[str]) -> str | None:
    """The name that a typing error most likely meant, or None when nothing is close."""
    lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[close[0]] if close else None
