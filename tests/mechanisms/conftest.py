"""Makes ``breeding``, and the fixtures of runs, of other folders' tests, known here."""

import importlib.util
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
for folder in ("evolution", "core"):
    sys.path.insert(0, str(TESTS / folder))

# By its path, as every folder's is called conftest.
spec = importlib.util.spec_from_file_location("runs", TESTS / "engine" / "conftest.py")
assert spec is not None
assert spec.loader is not None
runs = sys.modules["runs"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runs)
tiny, command, whole = runs.tiny, runs.command, runs.whole
