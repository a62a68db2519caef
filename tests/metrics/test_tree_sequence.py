"""Tree sequences: tskit counts the roots and ancestors that the genealogy counts."""

from __future__ import annotations

import builtins
import json
from typing import Any

import numpy as np
import pytest
from breeding import UNIFORM, UNMATED, with_genes
from descending import dataset, of_courses

from evosim.errors import EvosimError
from evosim.metrics.popgen import coalescent, tree_sequence
from evosim.metrics.popgen.pedigree import Descent, descent

tskit = pytest.importorskip("tskit")

PHASES = [
    {"generations": 8, "train": "wild"},
    {"generations": 3, "train": "wild", "select": False},
    {"generations": 9, "train": "wild"},
]


def neutral(n_loci: int = 6, **parts: Any) -> tuple[Descent, list[str]]:
    """A replicate bred on scores that no gene has to do with."""
    made = with_genes(n_loci, timeline=PHASES, **parts)
    rng = np.random.default_rng(1)
    data = dataset(made, lambda genes, _: rng.random(len(genes)), n=12)
    return descent(data, 0), [str(name) for name in data["locus"].values]


def dying_out() -> Descent:
    """A population of 2, then 3, then none."""
    genome = np.full((3, 4, 2), np.nan)
    genome[0, :2] = [[0.2, 0.4], [0.6, 0.8]]
    genome[1, :3] = [[0.2, 0.8], [0.6, 0.4], [0.7, 0.8]]
    score = np.where(np.isnan(genome[..., 0]), np.nan, 1.0)
    parents = np.full((3, 4, 2), -1, np.int32)
    parents[1, :3] = [[0, 1], [1, 0], [1, 1]]
    crossover = np.zeros((3, 4, 2), np.int8)
    crossover[1, :2, 1] = 1
    return Descent(genome, score, parents, crossover, 0)


@pytest.mark.parametrize(
    "mate",
    [
        UNIFORM,
        {**UNIFORM, "indpb": 0.1, "chance": 0.5},
        {"operator": "cxOnePoint", "chance": 1.0},
        {"operator": "cxTwoPoint", "chance": 0.8},
        UNMATED,
    ],
)
def test_roots_and_common_ancestors_are_those_of_the_genealogy(mate: dict[str, Any]) -> None:
    own, names = neutral(mate=mate)
    found = tree_sequence.tables(own, names).tree_sequence()
    counts = coalescent.lineages(own.pedigree)
    back = coalescent.coalescence_time(counts)
    assert found.sequence_length == 6
    for locus in range(6):
        tree = found.at(locus)
        assert tree.num_roots == counts[-1, locus]
        if np.isnan(back[locus]):
            assert tree.num_roots > 1
        else:
            assert tree.time(tree.mrca(*found.samples())) == back[locus]


def test_lineages_of_every_generation_are_nodes_above_the_samples() -> None:
    own, names = neutral()
    found = tree_sequence.tables(own, names).tree_sequence()
    counts = coalescent.lineages(own.pedigree)
    for locus in range(6):
        tree = found.at(locus)
        times = [tree.time(u) for u in tree.nodes() if tree.num_samples(u)]
        seen = np.bincount(np.array(times, int), minlength=20)
        assert seen.tolist() == counts[:, locus].tolist()


def test_every_individual_is_there_with_its_genes_score_and_parents() -> None:
    own, names = neutral()
    found = tree_sequence.tables(own, names).tree_sequence()
    assert found.num_individuals == found.num_nodes == 20 * 12
    assert found.time_units == "generations"
    for one in (found.individual(7), found.individual(12 * 5 + 3), found.individual(239)):
        g, i = divmod(one.id, 12)
        assert (one.metadata["generation"], one.metadata["individual"]) == (g, i)
        assert one.metadata["score"] == own.score[g, i]
        assert list(one.metadata["genes"]) == names
        assert list(one.metadata["genes"].values()) == own.genome[g, i].tolist()
        parents = [] if g == 0 else sorted({12 * (g - 1) + int(p) for p in own.parents[g, i]})
        assert sorted(one.parents.tolist()) == parents
        assert found.node(int(one.nodes[0])).time == 19 - g
    assert found.samples().tolist() == list(range(228, 240))


def test_adjacent_loci_of_one_parent_are_one_edge() -> None:
    own, names = neutral(mate=UNMATED)
    assert tree_sequence.tables(own, names).tree_sequence().num_edges == 19 * 12
    mixed, _ = neutral(mate={"operator": "cxOnePoint", "chance": 1.0})
    edges = tree_sequence.tables(mixed, names).edges
    assert 19 * 12 < len(edges) <= 2 * 19 * 12


def test_a_simplified_tree_sequence_keeps_the_coalescences() -> None:
    own, names = neutral()
    whole = tree_sequence.tables(own, names).tree_sequence()
    simple = whole.simplify(keep_input_roots=True)
    assert simple.num_nodes < whole.num_nodes / 3
    for locus in range(6):
        assert simple.at(locus).num_roots == whole.at(locus).num_roots


def test_a_population_that_died_out_is_seen_from_its_last_generation() -> None:
    found = tree_sequence.tables(dying_out(), ["x", "y"]).tree_sequence()
    assert found.num_individuals == 5
    assert found.num_samples == 3
    assert [tree.num_roots for tree in found.trees()] == [2, 2]
    assert found.individual(4).metadata["genes"] == {"x": 0.7, "y": 0.8}


def test_a_run_of_one_generation_has_no_edges() -> None:
    own = dying_out()
    short = Descent(*(column[:1] for column in own[:4]), 0)
    found = tree_sequence.tables(short, ["x", "y"]).tree_sequence()
    assert (found.num_edges, found.num_samples, found.first().num_roots) == (0, 2, 2)


def test_blended_genes_are_refused_in_words() -> None:
    own, names = neutral(mate={"operator": "cxBlend", "alpha": 0.2, "chance": 1.0})
    with pytest.raises(EvosimError, match=r"were blended of two parents.*only cxOnePoint"):
        tree_sequence.tables(own, names)


def test_a_genome_without_loci_has_no_sequence() -> None:
    course = [np.zeros((2, 3, 0)), np.ones((2, 3)), np.zeros((2, 3, 2), int), np.zeros((2, 3, 0))]
    data = of_courses(with_genes(0), [course])
    with pytest.raises(EvosimError, match="all are pinned"):
        tree_sequence.tables(descent(data, 0), [])


def test_where_it_comes_from_is_told_by_the_schema_of_provenance() -> None:
    own, names = neutral()
    made = tree_sequence.tables(own, names)
    tree_sequence.describe(
        made,
        about={"scenario": "breeding", "seed": "7", "replicate": 0},
        software={"evosim": "0.1.0", "python": "3", "numpy": "2"},
        timestamp="2026-11-21T12:00:00+00:00",
    )
    found = made.tree_sequence()
    assert found.metadata == {"scenario": "breeding", "seed": "7", "replicate": 0}
    (record,) = (json.loads(p.record) for p in found.provenances())
    tskit.validate_provenance(record)
    assert record["software"] == {"name": "evosim", "version": "0.1.0"}
    assert record["parameters"]["seed"] == "7"
    assert "node" not in record["environment"]["os"]


def test_without_tskit_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "tskit":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(EvosimError, match=r"pip install 'evosim-sandbox\[trees\]'"):
        tree_sequence.need_tskit()
