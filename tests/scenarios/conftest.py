"""Makes ``evaluating``, and the tiny experiment of the gallery's tests, importable here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "gallery"))

from tiny_experiment import Gallery, make_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The gallery of the tiny scenario; to be read only."""
    return make_tiny(tmp_path_factory.mktemp("tiny"))
