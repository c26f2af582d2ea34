"""Records to write reports of."""

import msgspec

from alys.report import record

LEDGER: dict[str, object] = {
    "ledger": {
        "bitcoin": {"unspent": 250_000_000, "deposits": 300_000_000},
        "peg": {"credited wei": 3 * 10**18, "pending": []},
        "payouts": [
            {"request": "0xab:0", "output": 49_999_000, "fee share": 1000},
            {"request": "0xcd:1", "output": 1, "note": "<dust>"},
        ],
        "balanced": True,
    },
    "edges": {"Chain > Engine": 12},
}


def case(name: str = "peg_in", **changes: object) -> record.CaseRecord:
    """A scenario that passed, or what the changes make of it."""
    plain = record.CaseRecord(
        name=name,
        outcome=record.Outcome.PASSED,
        exit_code=0,
        duration_s=1.25,
        node_time_s=12.5,
        samples=3,
        facts=LEDGER,
    )
    return msgspec.structs.replace(plain, **changes)


def failed(name: str = "peg_out", **changes: object) -> record.CaseRecord:
    """A scenario that failed."""
    cause = 'paid <once> & "only" once'
    plain = case(
        name,
        outcome=record.Outcome.FAILED,
        exit_code=1,
        cause=cause,
        detail="Traceback:\n  <line>\n\x1b[31mred\x00",
    )
    return msgspec.structs.replace(plain, **changes)


def run(*cases: record.CaseRecord, **changes: object) -> record.RunRecord:
    """A run of these cases."""
    plain = record.RunRecord(
        run_id="20260101T000000Z-integration-abc123",
        suite="integration",
        world="sim",
        seed=7,
        verdict="pass",
        exit_code=0,
        cause="",
        causes=(),
        counts=record.count(cases),
        cases=cases,
        trace_hash="ab" * 32,
        started_at="2026-01-01T00:00:00+00:00",
        duration_s=2.5,
        simulated_s=125.0,
        time_scale=None,
        results_dir="results/20260101T000000Z-integration-abc123",
        replay="alys test integration --world sim --seed 7",
        versions=record.Versions(
            alys="0.1.0",
            python="3.11.7",
            commit="c0ffee",
            lock_hash="10c4",
            config_hash="c0f1",
        ),
    )
    return msgspec.structs.replace(plain, **changes)


def failed_run() -> record.RunRecord:
    """One passed, one failed."""
    cause = 'peg_out: paid <once> & "only" once'
    return run(case(), failed(), verdict="fail", exit_code=1, cause=cause, causes=(cause,))
