"""A run's pedigree as a tree sequence, for tskit."""

from __future__ import annotations

from pathlib import Path

from evosim.api.folders import complete_run
from evosim.api.runs import Run
from evosim.errors import EvosimError, whole_number
from evosim.process import place


def export_trees(run: Run | str | Path, path: str | Path, *, replicate: int = 0) -> Path:
    """Write who descends from whom in one replicate as a tree sequence, for tskit.

    Every individual of every generation is a node, with its genes and score as metadata; a locus
    is a position of the sequence, and the time is in generations before the last, whose
    individuals are the samples. ``tskit.load(path).simplify()`` leaves the coalescences alone. Of a
    fork it begins where the fork does.

    Args:
        run: the run, complete, or its folder.
        path: the file, named ``*.trees``; replaced if it exists.
        replicate: which.

    Returns:
        The path.

    Example:
        >>> import evosim, tskit
        >>> path = evosim.export_trees("runs/contraception-1", "pedigree.trees")
        >>> tskit.load(path).num_individuals
        80

    Raises:
        EvosimError: another suffix; tskit is not installed; the run is not complete or has no such
            replicate; its genomes have no parents or two at a locus; the file cannot be written.
    """
    from evosim.engine.files import replacing
    from evosim.engine.provenance import versions
    from evosim.metrics.popgen import tree_sequence
    from evosim.metrics.popgen.pedigree import descent, without_parents
    from evosim.mind import loci

    path = place(path)
    if path.suffix != ".trees":
        raise EvosimError(f"{path}: a tree sequence is written as .trees (tskit)")
    replicate = whole_number("replicate", replicate)
    run = complete_run(run, replicate)
    tree_sequence.need_tskit()
    if why := without_parents(run.scenario):
        raise EvosimError(why)
    first = run._folder.history
    data = run.data.sel(generation=slice(first, None))
    made = tree_sequence.tables(
        descent(data, replicate), [locus.name for locus in loci(run.scenario)]
    )
    tree_sequence.describe(
        made,
        about={
            "scenario": run.scenario.id,
            "title": run.scenario.title,
            "seed": str(run.seed),
            "replicate": replicate,
            "first_generation": first,
        },
        software=versions(),
        timestamp=str(run.manifest["created"]),
    )
    with replacing(path) as file:
        made.dump(file)
    return path
