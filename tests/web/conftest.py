"""A browser and a run for the tests of pages, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import Browser

import evosim

SMALL = {
    "evolution.population": 16,
    "evolution.levels": 1,
    "measure.levels": 1,
    "measure.sample": 8,
    "measure.every": 2,
    "timeline.0.generations": 4,
    "timeline.1.generations": 4,
    "verdict.resamples": 20,
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with Browser() as found:
        yield found


@pytest.fixture(scope="session")
def small_settings() -> dict[str, int]:
    return SMALL


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    """Contraception with two small replicates; to be read only."""
    return evosim.run(
        "contraception", seed=1, replicates=2, settings=SMALL, figures=False, workers=1,
        out=tmp_path_factory.mktemp("runs") / "small",
    )  # fmt: skip
