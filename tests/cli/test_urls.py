"""The specification that a command is given."""

import json
from pathlib import Path

import pytest

from alys.base.errors import UsageError
from alys.chain import spec_document
from alys.chain.spec import dev_spec
from alys.cli import urls

SPEC = dev_spec(bytes(32))


def test_a_specification_is_read_as_it_is_and_as_a_node_answers_it(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    for document in (spec_document.write(SPEC), {"id": 1, "result": spec_document.write(SPEC)}):
        path.write_text(json.dumps(document))
        assert urls.spec(path) == SPEC
    assert urls.spec(None) is None


@pytest.mark.parametrize(
    ("text", "named"), [("{", "is no JSON"), ("[]", "not a chain spec"), ("{}", "chainId")]
)
def test_what_is_none_is_told(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "spec.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=named):
        urls.spec(path)
