"""What an oracle says when something that must hold does not."""

from alys.base.errors import AlysError


class Broken(AlysError):
    """Something that must hold did not: which oracle saw it, the sentence, and the figures that show it."""

    def __init__(self, oracle: str, sentence: str, **facts: object) -> None:
        figures = ", ".join(f"{name} {value}" for name, value in facts.items())
        super().__init__(
            f"{oracle}: {sentence} ({figures})" if figures else f"{oracle}: {sentence}"
        )
        self.oracle = oracle
        """Its name, as campaigns have it (``campaigns.naming``)."""
        self.sentence = sentence
        self.facts = facts
