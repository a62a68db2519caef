"""Makes ``breeding``, of the tests of evolution, and ``worlds``, of the core's, importable here."""

import sys
from pathlib import Path

for folder in ("evolution", "core"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))
