"""Where settings come from, and what is said about wrong ones."""

from pathlib import Path

import pytest

from alys.config import errors, loader, settings

SEED = ("world", "seed")


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "test-config.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("chosen", "in_file", "environment", "flag", "seed"),
    [
        (None, None, None, None, 1),
        (2, None, None, None, 2),
        (2, 3, None, None, 3),
        (2, 3, "4", None, 4),
        (2, 3, "4", "5", 5),
        (2, None, "4", None, 4),
        (None, 3, "", "5", 5),
        (None, 3, "", None, 3),
    ],
)
def test_flags_over_environment_over_file_over_what_was_chosen(
    tmp_path: Path,
    chosen: int | None,
    in_file: int | None,
    environment: str | None,
    flag: str | None,
    seed: int,
) -> None:
    path = file(tmp_path, f"[world]\nseed = {in_file}\n") if in_file is not None else None
    variables = {"ALYS_SEED": environment} if environment is not None else {}
    found = loader.load(
        path,
        variables,
        {SEED: ("--seed", flag)},
        {SEED: chosen} if chosen is not None else None,
    )
    assert found.world.seed == seed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[world]\nkind = 'sim'\nsede = 7\n",
            ":3: unknown key 'world.sede'; did you mean 'world.seed'?",
        ),
        ("[wrold]\nseed = 7\n", ":1: unknown key 'wrold'; did you mean 'world'?"),
        ("seed = 7\n", ":1: unknown key 'seed'; did you mean 'world.seed'?"),
        (
            "[node]\nxyzzy = 1\n",
            ":2: unknown key 'node.xyzzy'; allowed: actors, fee_rate_max_sat_vb, ",
        ),
        ("world = 1\n", ":1: world is a section, not a value"),
        (
            "\n[world]\nseed = -1\n",
            ":3: world.seed = -1 cannot stand; allowed: a whole number from 0",
        ),
        ("[world]\nkind = 'smi'\n", ":2: world.kind = 'smi' cannot stand; did you mean 'sim'?"),
        ("[world]\nseed = = 1\n", ":2: not valid TOML: Invalid value in 'seed = = 1'; allowed: "),
        (
            "[test_environment]\nlog_level = 'lod'\n",
            ":2: test_environment.log_level: directive 'lod' cannot stand",
        ),
        (
            "[mock_services]\nethereum_rpc_url = 'http://x'\n",
            ":2: mock_services.engine_api_url is empty",
        ),
        ("[test_scenarios.chaos]\n", ":1: unknown key 'test_scenarios.chaos'"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(errors.ConfigError) as caught:
        loader.load(path, {}, {})
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match=r"gone\.toml: cannot read .*: No such file"):
        loader.load(tmp_path / "gone.toml", {}, {})


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(errors.ConfigError, match="not valid TOML"):
        loader.load(path, {}, {})


def test_a_wrong_variable_and_a_wrong_flag_are_told_by_name() -> None:
    with pytest.raises(
        errors.ConfigError, match=r"^environment variable ALYS_SEED: world.seed = 'x'"
    ):
        loader.load(None, {"ALYS_SEED": "x"}, {})
    with pytest.raises(errors.ConfigError, match=r"^flag --seed: world.seed = 'x' cannot stand"):
        loader.load(None, {}, {SEED: ("--seed", "x")})


def test_a_flag_does_not_excuse_a_wrong_file(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError):
        loader.load(file(tmp_path, "[world]\nseed = -1\n"), {}, {SEED: ("--seed", "7")})


def test_the_documents_variables_are_understood() -> None:
    environment = {
        "TEST_ENVIRONMENT": "nightly",
        "TEST_TIMEOUT": "600s",
        "LOG_LEVEL": "warn",
        "RUST_LOG": "info,alys=debug",
        "ALYS_WORLD": "sim",
        "ALYS_TIME_SCALE": "2.5",
        "ALYS_LOG_FORMAT": "json",
        "ALYS_RESULTS_DIR": "/tmp/x",
        "HOME": "/nowhere",
    }
    found = loader.load(None, environment, {})
    assert found.test_environment == settings.TestEnvironment(
        name="nightly",
        timeout_seconds=600,
        log_level="info,alys=debug",
        log_format="json",
        results_dir="/tmp/x",
    )
    assert (found.world.kind, found.world.time_scale) == ("sim", 2.5)


def test_what_is_dumped_is_read_back_equal(tmp_path: Path) -> None:
    resolved = settings.Settings(
        world=settings.WorldSettings(
            kind="sim", seed=2**63 - 1, time_scale=0.1, host='a "b" \\ é\n'
        ),
        node=settings.NodeSettings(required_confirmations=3),
    )
    assert loader.load(file(tmp_path, loader.dump(resolved)), {}, {}) == resolved
