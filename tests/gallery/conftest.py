"""A gallery of one tiny scenario, made once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_experiment import Gallery, make_tiny


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The gallery of the tiny scenario, never interrupted; to be read only."""
    return make_tiny(tmp_path_factory.mktemp("whole"))
