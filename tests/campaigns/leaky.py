"""``alys.campaigns.hashes`` with lives that let the hash of a string decide something, at seed 3; seed 5 dies.

They stand in the place of the module of real ones, which takes seconds to load.
"""

import os
import sys
from types import ModuleType

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


def stand_in() -> ModuleType:
    """For ``alys.campaigns.life``."""
    made = ModuleType("alys.campaigns.life")
    vars(made).update(
        plan_of=lives.plan_of,
        run=lambda plan: leaking(plan)[0],
        traced=leaking,
        warm=lambda: None,
    )
    return made


def main() -> int:
    """As the program it stands for."""
    sys.modules["alys.campaigns.life"] = stand_in()
    from alys.campaigns import hashes

    return hashes.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
