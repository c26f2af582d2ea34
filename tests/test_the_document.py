"""Every heading and every command of the document that asked for this environment is treated on its page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "the-document.md").read_text(encoding="utf-8")
TROUBLE = (ROOT / "docs" / "how-to" / "troubleshooting.md").read_text(encoding="utf-8")
DOCUMENT: list[Any] = yaml.safe_load(
    (ROOT / "tests" / "data" / "the-document.yaml").read_text(encoding="utf-8")
)
HEADINGS = [each["heading"] for each in DOCUMENT]
COMMANDS = [(each["heading"], command) for each in DOCUMENT for command in each.get("commands", [])]


def sections(page: str) -> dict[str, str]:
    """What is under each heading of the page."""
    parts = re.split(r"^##+ (.+)$", page, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(section: str) -> dict[str, str]:
    """A section's table: what is said about each command."""
    return dict(re.findall(r"^\| `(.+?)` \| (.+) \|$", section, re.M))


def test_the_page_has_the_headings_of_the_document_in_its_order_and_no_others() -> None:
    assert len(HEADINGS) == 37
    assert list(sections(PAGE)) == HEADINGS
    assert all(text.strip() for text in sections(PAGE).values())


@pytest.mark.parametrize(("heading", "command"), COMMANDS)
def test_every_command_is_treated_under_its_heading(heading: str, command: str) -> None:
    assert rows(sections(PAGE)[heading]).get(command, "").strip()


CANNOT_WORK = (
    "../../../",
    "--from=job/",
    "--for=condition=complete",
    "--for=condition=ready pod",
    "--image=busybox",
)


@pytest.mark.parametrize("part", CANNOT_WORK)
def test_a_command_that_cannot_work_has_its_replacement(part: str) -> None:
    said = {
        command: rows(sections(PAGE)[heading])[command]
        for heading, command in COMMANDS
        if part in command
    }
    assert said
    assert all("**Instead**" in text or "the same" in text for text in said.values())


@pytest.mark.parametrize(
    "word",
    [
        "TEST_ENVIRONMENT", "cleanup_on_failure", "log_collection", "ttlSecondsAfterFinished", "metrics-server",
        "admin/admin", "1.25", "GOVERNANCE_ENDPOINTS", "PROMETHEUS_ENABLED", "RUST_LOG",
    ],
)  # fmt: skip
def test_what_the_document_says_beside_its_commands_is_treated_too(word: str) -> None:
    assert word in PAGE


def test_the_debug_pod_is_admitted_by_restricted_pod_security_and_may_go_where_a_test_may() -> None:
    (block,) = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.M | re.S)
    (overrides,) = re.findall(r"--overrides='(.*?)'", block)
    spec = json.loads(overrides)["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert container["name"] == re.findall(r"kubectl run (\S+)", block)[0]  # strategic: by its name
    assert "--labels=app=alys-test-job" in block
    (code,) = re.findall(r"-c '(.*?)'", block)
    compile(code, "debug", "exec")


def messages() -> list[str]:
    section = sections(TROUBLE)["Alys says"]
    return list(rows(section))


@pytest.mark.parametrize("message", messages())
def test_every_message_of_ours_on_the_troubleshooting_page_is_one_that_we_print(
    message: str,
) -> None:
    printed = "\n".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "src").rglob("*.py"))
    )
    holes = r"\{[^\n]*\}"
    wanted = holes.join(re.escape(part) for part in message.split("..."))
    assert re.search(wanted, printed)
