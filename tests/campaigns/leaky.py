"""``alys.campaigns.hashes`` with lives that let the hash of a string decide something, at seed 3; seed 5 dies."""

import os
import sys

from alys.campaigns import hashes, life
from alys.campaigns.outcome import Outcome
from alys.campaigns.plan import Plan
from tests.campaigns import lives


def leaking(plan: Plan) -> tuple[Outcome, list[str]]:
    """Records and all."""
    if plan.seed == 5:
        os._exit(7)
    outcome = lives.passed(plan)
    records = ["one", f"two {plan.seed}", "three"]
    if plan.seed == 3:
        records[1] = f"two {hash('leaked')}"
        changed = f"{abs(hash('leaked')):064x}"
        outcome = Outcome(plan=plan, verdict="pass", trace_hash=changed)
    return outcome, records


def main() -> int:
    """As the program it stands for."""
    setattr(life, "plan_of", lives.plan_of)  # noqa: B010
    setattr(life, "run", lambda plan: leaking(plan)[0])  # noqa: B010
    setattr(life, "traced", leaking)  # noqa: B010
    setattr(life, "warm", lambda: None)  # noqa: B010
    return hashes.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
