"""Set our image in all manifests: ``python3 tools/set_image.py your-registry/alys-v2-test-runner:1.4`` (or make image-ref IMAGE=...).

Standard library only, so that a fresh clone can do it. Every line that names our image ends in a comment with the name of this
program, in ``k8s/`` and ``k8s-small/``; nothing else is touched.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("k8s", "k8s-small")
LINE = re.compile(
    r"^(?P<key>.*\b(?:image|value): )\S+(?P<mark> # tools/set_image\.py)$", re.MULTILINE
)
# name[:port]/path[:tag][@digest], as the reference of the container world has it: lower case but for the tag.
REFERENCE = re.compile(
    r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::[0-9]+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
AFTERWARDS = """\
set_image: {count} lines in {files} files name {image} now
Where the environment is running already, Jobs cannot be changed, so delete them first:
  kubectl delete jobs --all -n {namespace}
  kubectl apply -f {folder}/
"""


def main(arguments: list[str]) -> int:
    """Write the reference into every file; 0, or 2 for a word that is no reference to an image."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python3 tools/set_image.py IMAGE", file=sys.stderr)
        return 2
    (image,) = arguments
    if REFERENCE.fullmatch(image) is None:
        print(
            f"set_image: {image!r} is no reference to an image; it looks like name:tag or registry/name:tag",
            file=sys.stderr,
        )
        return 2
    count = files = 0
    for path in manifests(ROOT):
        text, lines = replaced(path.read_text(encoding="utf-8"), image)
        path.write_text(text, encoding="utf-8")
        count, files = count + lines, files + (lines > 0)
    text = (ROOT / FOLDERS[0] / "00-namespace.yaml").read_text(encoding="utf-8")
    (namespace,) = re.findall(r"^  name: (\S+)$", text, re.MULTILINE)
    said = AFTERWARDS.format(
        count=count, files=files, image=image, folder=FOLDERS[0], namespace=namespace
    )
    print(said, end="")
    return 0


def manifests(root: Path) -> list[Path]:
    """Every file that may name the image."""
    return sorted(path for folder in FOLDERS for path in (root / folder).glob("*.yaml"))


def replaced(text: str, image: str) -> tuple[str, int]:
    """The file with another image, and how many lines name it."""
    return LINE.subn(lambda found: f"{found['key']}{image}{found['mark']}", text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
