"""Takes secrets out of what is written down. A trace shows messages whole, and some carry a token: as text, or in the bytes of a
frame, which stand there in base64, where a text looks different at each of three alignments.
"""

import base64
from collections.abc import Callable, Iterable

HIDDEN = "***"
SHORTEST_BYTES = 6
"""What is shorter cannot be told from other text in base64; it is no secret either."""


def redactor(secrets: Iterable[bytes]) -> Callable[[str], str]:
    """A function that replaces each secret in a text, plain, in JSON's escapes, in hex and in base64."""
    shapes = sorted({shape for secret in secrets for shape in _shapes(secret)}, key=len)[::-1]

    def clean(text: str) -> str:
        for shape in shapes:
            if shape in text:
                text = text.replace(shape, HIDDEN)
        return text

    return clean


def _shapes(secret: bytes) -> Iterable[str]:
    if len(secret) < SHORTEST_BYTES:
        return
    plain = secret.decode("utf-8", errors="ignore")
    if plain.encode() == secret:
        yield plain
        yield plain.replace("\\", "\\\\").replace('"', '\\"')
    yield secret.hex()
    for lead in range(3):
        # The characters that also hold bits of the neighbours are left out: they differ from text to text.
        coded = base64.b64encode(bytes(lead) + secret).rstrip(b"=").decode()
        spare = (lead + len(secret)) % 3 != 0
        yield coded[(0, 2, 3)[lead] : -1 if spare else None]
