"""What of the CI examples can be shown without GitHub, Jenkins and a cluster: their form, their shell, and every name."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.ci import grafana, jobs, network

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "examples" / "ci"
WORKFLOW: Any = yaml.safe_load((CI / "github-actions.yml").read_text(encoding="utf-8"))
JENKINS = (CI / "Jenkinsfile").read_text(encoding="utf-8")
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]

SCRIPTS = [step["run"] for step in STEPS if "run" in step]
SCRIPTS += re.findall(r"sh '''\n(.*?)'''", JENKINS, re.S)
SCRIPTS += re.findall(r"sh '([^'\n]+)'", JENKINS)

KINDS = {
    "deployment": "Deployment",
    "job": "Job",
    "secret": "Secret",
    "service": "Service",
    "cronjob": "CronJob",
}


def names(folder: str) -> set[tuple[str, str]]:
    """Kind and name of everything in the manifests; Secrets are made by the Job, and named where they are read."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).glob("*.yaml"))]
    documents = [each for text in texts for each in yaml.safe_load_all(text) if each]
    found = {(each["kind"], each["metadata"]["name"]) for each in documents}
    read = {
        ("Secret", name)
        for text in texts
        for name in re.findall(r"secretKeyRef:\n\s+name: (\S+)", text)
    }
    return found | read


def commands(script: str) -> list[str]:
    """The kubectl commands of a script, each on one line."""
    joined = re.sub(r"\\\n\s*", " ", script)
    return re.findall(r"\bkubectl [^|&;\n)]+", joined)


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_is_bash(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing_in_any_script(script: str) -> None:
    done = subprocess.run(
        ["shellcheck", "--shell=bash", "-"],
        input=script, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_nothing_is_run_that_can_change_under_its_name() -> None:
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert [use for use in used if not re.search(r"@(v\d+\.\d+\.\d+|[0-9a-f]{40})$", use)] == []
    tools = re.findall(r"pipx run (\S+)", " ".join(SCRIPTS))
    assert tools
    assert all("==" in tool for tool in tools)


def test_the_workflow_may_only_read_and_has_limits() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in WORKFLOW["jobs"].values())


def test_results_are_collected_when_a_step_failed() -> None:
    steps = WORKFLOW["jobs"]["k8s-tests"]["steps"]
    collect = next(step for step in steps if step.get("name") == "Collect")
    assert collect["if"] == "always()"
    assert steps[-1]["if"] == "always()"
    assert steps.index(collect) > next(
        place for place, step in enumerate(steps) if step.get("name") == "Verdicts"
    )
    assert "always {" in JENKINS
    assert (
        "cleanup {" in JENKINS
    )  # runs after always, so that nothing is taken down before it is kept


@pytest.mark.parametrize("folder", ["k8s", "k8s-small"])
def test_every_object_that_a_command_names_is_in_the_manifests(folder: str) -> None:
    known = names(folder)
    wanted = set()
    for command in [each for script in SCRIPTS for each in commands(script)]:
        for kind, name in re.findall(
            r"\b(deployment|job|service|cronjob)/([a-z][a-z0-9-]+)", command
        ):
            wanted.add((KINDS[kind], name))
        for kind, name in re.findall(r"\bget (secret|job|deployment) ([a-z][a-z0-9-]+)", command):
            wanted.add((KINDS[kind], name))
    for script in SCRIPTS:
        for name in re.findall(r"\b([a-z]+-test-job)\b", script):
            wanted.add(("Job", name))
    assert wanted >= {("Job", "integration-test-job"), ("Secret", "grafana-admin")}
    assert wanted - known == set()


def test_every_file_that_a_command_names_is_there() -> None:
    every = " ".join(SCRIPTS)
    files = set(re.findall(r"\b(?:examples|k8s|tools|docs|requirements)/[\w./-]+", every))
    files |= {WORKFLOW["env"]["MANIFESTS"]}
    assert len(files) > 8
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []


def test_no_job_is_waited_for_in_a_way_that_misses_its_failure() -> None:
    every = " ".join(SCRIPTS)
    assert "condition=complete" not in every
    assert "--from=job/" not in every
    assert every.count("jobs.py wait") == 3
    assert every.count("--since") == 3


def test_the_namespace_is_the_same_everywhere() -> None:
    (namespace,) = {WORKFLOW["env"]["NAMESPACE"], jobs.NAMESPACE, network.NAMESPACE}
    assert f"NAMESPACE = '{namespace}'" in JENKINS
    assert ("Namespace", namespace) in names("k8s")


def test_the_datasource_is_the_one_that_is_provisioned() -> None:
    text = (ROOT / "k8s" / "monitoring" / "grafana" / "datasource.yml").read_text(encoding="utf-8")
    assert [each["uid"] for each in yaml.safe_load(text)["datasources"]] == [grafana.DATASOURCE]


def test_the_pipeline_puts_nothing_of_groovy_into_its_shell() -> None:
    """Shell variables come from the environment: a string of Groovy's would let a name become a command."""
    assert re.findall(r'^\s*sh\s*"', JENKINS, re.M) == []


def test_the_pipelines_brackets_match() -> None:
    text = re.sub(r"//[^\n]*|'''.*?'''|'[^'\n]*'|\"[^\"\n]*\"", "", JENKINS, flags=re.S)
    open_: list[str] = []
    for sign in re.findall(r"[{}()\[\]]", text):
        if sign in "{([":
            open_.append({"{": "}", "(": ")", "[": "]"}[sign])
        else:
            assert open_.pop() == sign
    assert open_ == []
