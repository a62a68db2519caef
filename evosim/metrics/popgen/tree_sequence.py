"""The pedigree as a tree sequence (Kelleher et al. 2018, doi:10.1371/journal.pcbi.1006581).

Genomes are haploid sequences of a position a locus; a node is the genome of an individual of one
generation, and an edge says from which node a run of adjacent loci was inherited.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError, install
from evosim.metrics.popgen.pedigree import Descent

if TYPE_CHECKING:
    import tskit


def need_tskit() -> Any:
    """The module tskit.

    Raises:
        EvosimError: it is not installed.
    """
    try:
        import tskit
    except ImportError as error:
        raise EvosimError(
            f"a tree sequence needs tskit, which is not installed; get it with: {install('trees')}"
        ) from error
    return tskit


def tables(descent: Descent, names: Sequence[str]) -> tskit.TableCollection:
    """Every individual, and from whom each run of its loci came.

    Nothing is simplified: individuals of all generations are nodes, also those that left no
    offspring and those that live on through a frozen phase, who are their own parents there.

    Args:
        descent: of a replicate, from its founders on.
        names: of the loci.

    Returns:
        Tables, sorted. Times are generations before the last one that has individuals, whose nodes
        are the samples. Individuals know their parents and have ``generation``, ``individual``,
        ``score`` and ``genes`` as metadata.

    Raises:
        EvosimError: no tskit; genes were blended, which have two parents; no locus evolves.
    """
    tskit = need_tskit()
    pedigree = descent.pedigree
    _refuse(names, [n for n, torn in zip(names, pedigree.blends, strict=True) if torn])
    sizes = np.asarray(pedigree.sizes[: np.flatnonzero(pedigree.sizes)[-1] + 1], np.int64)
    begins = np.concatenate([[0], np.cumsum(sizes)])
    made = tskit.TableCollection(sequence_length=len(names))
    made.time_units = "generations"
    _add_individuals(made, descent, names, sizes, begins)
    generation = np.repeat(np.arange(len(sizes)), sizes)
    newest = generation == len(sizes) - 1
    made.nodes.set_columns(
        flags=np.where(newest, tskit.NODE_IS_SAMPLE, 0).astype(np.uint32),
        time=(len(sizes) - 1.0) - generation,
        individual=np.arange(begins[-1], dtype=np.int32),
    )
    edges = [
        _edges(pedigree.inherited(g)[0], int(begins[g]), int(begins[g - 1]))
        for g in range(1, len(sizes))
    ]
    if edges:
        left, right, parent, child = np.concatenate(edges, axis=1)
        made.edges.set_columns(
            left=left.astype(np.float64),
            right=right.astype(np.float64),
            parent=parent.astype(np.int32),
            child=child.astype(np.int32),
        )
    made.sort()
    made.build_index()
    return made


def describe(
    made: tskit.TableCollection,
    *,
    about: Mapping[str, Any],
    software: Mapping[str, str],
    timestamp: str,
) -> None:
    """Say where tables come from, as metadata and as a provenance record of tskit's schema.

    Args:
        about: the run, the replicate and the like; what JSON can hold.
        software: versions by name, evosim's among them.
        timestamp: when, ISO 8601.
    """
    tskit = need_tskit()
    made.metadata_schema = tskit.MetadataSchema({"codec": "json"})
    made.metadata = dict(about)
    libraries = {
        name: {"version": v} for name, v in software.items() if name not in ("evosim", "python")
    }
    record = {
        "schema_version": "1.0.0",
        "software": {"name": "evosim", "version": software["evosim"]},
        "parameters": {"command": "export_trees", **about},
        "environment": tskit.provenance.get_environment(extra_libs=libraries),
    }
    record["environment"]["os"].pop("node", None)  # the machine's name is nobody's business
    tskit.validate_provenance(record)
    made.provenances.add_row(record=json.dumps(record, ensure_ascii=False), timestamp=timestamp)


def _refuse(names: Sequence[str], blended: Sequence[str]) -> None:
    if not names:
        raise EvosimError("a tree sequence needs a locus that evolves: all are pinned")
    if blended:
        raise EvosimError(
            f"genes of {', '.join(blended)} were blended of two parents, and in a tree sequence a "
            "position has one; only cxOnePoint, cxTwoPoint and cxUniform pass genes on whole"
        )


def _edges(source: NDArray[np.integer], child: int, parent: int) -> NDArray[np.int64]:
    """Runs of adjacent loci of the same parent: left, right, parent and child, [4, edges].

    Args:
        source: rows of the parents' generation that each gene is from [N, loci].
        child, parent: the first node of either generation.
    """
    n, n_loci = source.shape
    begins = np.ones((n, n_loci), bool)
    begins[:, 1:] = source[:, 1:] != source[:, :-1]
    row, left = np.nonzero(begins)
    right = np.append(left[1:], n_loci)
    right[right == 0] = n_loci  # the next run is of another child
    return np.stack([left, right, parent + source[row, left], child + row]).astype(np.int64)


def _add_individuals(
    made: tskit.TableCollection,
    descent: Descent,
    names: Sequence[str],
    sizes: NDArray[np.int64],
    begins: NDArray[np.int64],
) -> None:
    """The table of individuals, row by row as the nodes."""
    made.individuals.metadata_schema = need_tskit().MetadataSchema(_schema(names))
    record = [  # the bytes of one individual's metadata, as _schema has them
        ("generation", "<i4"), ("individual", "<i4"), ("score", "<f8"),
        ("genes", "<f8", len(names)),
    ]  # fmt: skip
    packed = np.zeros(int(begins[-1]), np.dtype(record))
    parents, counts = [], np.zeros(int(begins[-1]), np.int64)
    for g, n in enumerate(sizes):
        rows = slice(begins[g], begins[g + 1])
        packed["generation"][rows] = descent.first + g
        packed["individual"][rows] = np.arange(n)
        packed["score"][rows] = descent.score[g, :n]
        packed["genes"][rows] = descent.genome[g, :n]
        if g:
            own = descent.parents[g, :n]
            two = own[:, 0] != own[:, 1]
            counts[rows] = 1 + two
            parents.append((begins[g - 1] + own)[np.stack([np.ones(n, bool), two], axis=1)])
    made.individuals.set_columns(
        flags=np.zeros(len(packed), np.uint32),
        parents=np.concatenate([np.zeros(0, np.int32), *parents]).astype(np.int32),
        parents_offset=np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64),
        metadata=np.frombuffer(packed.tobytes(), np.int8),
        metadata_offset=np.arange(len(packed) + 1, dtype=np.uint64) * packed.itemsize,
    )


def _schema(names: Sequence[str]) -> dict[str, Any]:
    """What an individual's metadata hold, packed in order of ``index``."""
    number = {"type": "number", "binaryFormat": "d"}
    whole = {"type": "integer", "binaryFormat": "i"}
    genes = {
        "type": "object",
        "description": "value of each locus",
        "properties": {name: {**number, "index": n} for n, name in enumerate(names)},
        "required": list(names),
        "additionalProperties": False,
    }
    fields = {
        "generation": {**whole, "description": "generation of the run", "index": 0},
        "individual": {**whole, "description": "its row in the generation", "index": 1},
        "score": {**number, "description": "mean selected payoff less costs", "index": 2},
        "genes": {**genes, "index": 3},
    }
    return {
        "codec": "struct",
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
