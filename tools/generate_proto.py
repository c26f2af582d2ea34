"""Make the Python code of the protos of ``wire`` again: ``python tools/generate_proto.py [--check]``.

The messages go to ``alys.wire.generated`` (any room may read them), the gRPC stubs to
``alys.shells.generated`` (only shells may know grpc). ``--check`` writes nothing and exits 1 when
the committed files are not what the proto gives.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = tuple(sorted((ROOT / "src/alys/wire").glob("*.proto")))
MESSAGES = ROOT / "src/alys/wire/generated"
STUBS = ROOT / "src/alys/shells/generated"

# protoc writes the import of a sibling file by its bare name; ours lives in another room.
BARE_IMPORT = re.compile(r"^import (\w+_pb2) as (\w+)$", re.MULTILINE)
ROOM_IMPORT = r"from alys.wire.generated import \1 as \2"


class ProtocFailure(Exception):
    """protoc refused the proto; its own words are on standard error."""


def generate(proto: Path) -> dict[Path, str]:
    """What each generated file must contain, by its path; raises ProtocFailure."""
    with tempfile.TemporaryDirectory() as scratch:
        outputs = ("python_out=", "grpc_python_out=", "mypy_out=quiet:", "mypy_grpc_out=quiet:")
        arguments = [f"--{output}{scratch}" for output in outputs]
        plugins = [
            f"--plugin={name}={Path(sys.executable).with_name(name)}"
            for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
        ]
        include = f"-I{proto.parent}"
        command = [sys.executable, "-m", "grpc_tools.protoc", include, *plugins, *arguments]
        if subprocess.run([*command, str(proto)], check=False).returncode != 0:
            raise ProtocFailure(str(proto))
        made = {path.name: path.read_text() for path in Path(scratch).iterdir()}
    return {
        (STUBS if "_grpc" in name else MESSAGES) / name: _rehouse(text)
        for name, text in sorted(made.items())
    }


def stale(proto: Path) -> list[Path]:
    """The generated files that are absent or differ from what the proto gives."""
    return [
        path
        for path, text in generate(proto).items()
        if not path.exists() or path.read_text() != text
    ]


def _rehouse(text: str) -> str:
    return BARE_IMPORT.sub(ROOM_IMPORT, text)


def main() -> int:
    """Write the files, or with --check name those that are stale; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    if parser.parse_args().check:
        old = [path for proto in PROTOS for path in stale(proto)]
        sys.stderr.writelines(f"stale: {path.relative_to(ROOT)}\n" for path in old)
        return 1 if old else 0
    for proto in PROTOS:
        for path, text in generate(proto).items():
            path.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
