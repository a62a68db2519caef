"""Makes ``published``, and ``breeding`` of the tests of evolution, importable by this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "evolution"))
