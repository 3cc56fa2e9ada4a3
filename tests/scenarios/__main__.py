"""Play scenarios and write what came of them: ``python -m tests.scenarios OUT [NAME …]``.

``OUT/NAME/`` is each case, ``OUT/NAME.truth.json`` its truth, ``OUT/results.jsonl`` the results,
one scenario a line. A name given plays all scenarios whose name begins with it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.scenarios.play import play, scenarios

folder = Path(sys.argv[1])
wanted = tuple(sys.argv[2:]) or ("",)
with (folder / "results.jsonl").open("w", encoding="utf-8") as out:
    for scenario in scenarios():
        if scenario.name.startswith(wanted):
            played = play(scenario, folder)
            out.write(json.dumps(played.to_json()) + "\n")
            print(scenario.name, "as it was" if not played.result.wrong else played.result.wrong)
