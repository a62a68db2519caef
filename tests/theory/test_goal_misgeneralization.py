"""Goal misgeneralization as published (numbers 12 and 13 of the known answers).

Langosco et al. 2022, "Goal Misgeneralization in Deep Reinforcement Learning", ICML. Their learners
are evolved planners here, so it is the shape that has to come out, not the size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from published import mean_of, measured, recorded, short_run, surely_above

SHARES = {"p00": 0.0, "p02": 0.02, "p10": 0.1, "p50": 0.5}


def test_chest_efficiency_falls_where_keys_abound() -> None:
    """Langosco et al. 2022, keys and chests: trained with 2 chests to a key, deployed with 2 keys
    to a chest, agents go on collecting keys and open fewer of the chests that could be opened."""
    assert surely_above(0.1, mean_of("keys_and_chests", "collapse", "effect"))
    bred_there = mean_of("keys_and_chests", "alignment", "control", where="many_keys")
    bred_elsewhere = mean_of("keys_and_chests", "alignment", "effect", where="many_keys")
    assert surely_above(0.0, bred_there - bred_elsewhere)


def test_the_drive_for_keys_stays_positive_and_capability_is_kept() -> None:
    """Langosco et al. 2022, keys and chests: keys have become worth something for themselves, and
    agents are as able as before to get what they want."""
    keys = mean_of("keys_and_chests", "gene", "effect", of="drive.keys")
    assert surely_above(0.0, keys)
    assert (keys > 0).all()
    after, before = recorded("keys_and_chests", "capability_retained", "effect")
    assert after.mean() > 0.9 * before.mean()


def test_keys_and_chests_run_anew_has_the_published_shape(tmp_path: Path) -> None:
    """Langosco et al. 2022, keys and chests; few replicates, so less will do."""
    run = short_run("keys_and_chests", "effect", tmp_path, "timeline.0.generations=20")
    assert measured(run, "collapse", turn=20)[0] > 0.1
    assert measured(run, "gene", of="drive.keys")[0] > 0.1
    after, before = measured(run, "capability_retained", turn=20)
    assert after > 0.85 * before


def alignments() -> dict[str, np.ndarray]:
    """Alignment in the evening by arm of scenario lighting, [replicate]."""
    return {arm: mean_of("lighting", "alignment", arm, where="evening") for arm in SHARES}


def test_alignment_in_deployment_increases_with_the_share_of_varied_levels() -> None:
    """Langosco et al. 2022, section 3.1: the coin of CoinRun placed at random in a part of the
    training levels, here the evening in a part of the days."""
    found = [column.mean() for column in alignments().values()]
    assert found == sorted(found)
    assert surely_above(0.2, alignments()["p50"] - alignments()["p00"])


def test_most_of_the_gain_is_there_by_a_share_of_a_tenth() -> None:
    """Langosco et al. 2022, section 3.1: a small share of varied levels does most of the repair."""
    found = alignments()
    assert surely_above(0.0, found["p10"] - (found["p00"] + found["p50"]) / 2)


def test_varied_levels_run_anew_repair_the_proxy(tmp_path: Path) -> None:
    """Langosco et al. 2022, section 3.1, at both ends of the shares; few replicates."""
    aligned = {
        arm: measured(
            short_run("lighting", arm, tmp_path, "timeline.0.generations=25", "agent.depth=4"),
            "alignment",
            where="evening",
        )[0]
        for arm in ("p00", "p50")
    }
    assert aligned["p50"] > aligned["p00"] + 0.15
