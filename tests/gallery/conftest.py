"""A gallery of one tiny scenario, made once."""

from __future__ import annotations

import pytest
from tiny_experiment import Gallery


@pytest.fixture
def whole(made_gallery: Gallery) -> Gallery:
    """The gallery of the tiny scenario, never interrupted; to be read only."""
    return made_gallery
