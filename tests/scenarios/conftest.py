"""Makes ``evaluating`` importable here, and the gallery of the tiny experiment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_experiment import Gallery

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def tiny(made_gallery: Gallery) -> Gallery:
    """The gallery of the tiny scenario; to be read only."""
    return made_gallery
