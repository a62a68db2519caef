"""Counts how well the code is kept: size, imports, names, comments (CONTRIBUTING.md).

    python tools/structure.py [CHECKOUT]

Counts the package evosim of a checkout, this one if none is named. Nothing is imported but for
one row, which runs a small scenario with figures in a process of its own.
"""

from __future__ import annotations

import ast
import copy
import io
import os
import re
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

KERNELS = {"plan", "live", "exact", "fit", "foresight", "reference"}
"""Modules of evosim.core whose functions take flat arrays."""
MECHANISMS = ("monitor", "deception", "islands", "open_population", "tool", "novelty")
RUN = """
import sys, evosim
small = {"evolution.population": 8, "evolution.levels": 1, "measure.sample": 2, "measure.levels": 1,
         "timeline.0.generations": 3, "timeline.1.generations": 2, "verdict.resamples": 100}
try:
    evosim.run("contraception", seed=1, settings=small, out="run", progress=False)
except TypeError:  # before settings
    sets = [f"{key}={value}" for key, value in small.items()]
    evosim.run("contraception", seed=1, sets=sets, out="run", progress=False)
print(sum(1 for m in list(sys.modules.values())
          if (getattr(m, "__file__", None) or "").startswith(sys.argv[1])))
"""


def main() -> None:
    """Print the counts, a row each."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1]).resolve()
    package = root / "evosim"
    files = {path: path.read_text(encoding="utf-8") for path in sorted(package.rglob("*.py"))}
    files = {
        path: text
        for path, text in files.items()
        if path.relative_to(package).parts[0] not in ("catalogue", "benchmarks", "gallery")
    }
    trees = {path: ast.parse(text) for path, text in files.items()}
    once, defined = used_once(files, trees)
    rows = [
        ("lines", sum(text.count("\n") for text in files.values())),
        ("files", len(files)),
        ("files above 400 lines", sum(text.count("\n") > 400 for text in files.values())),
        ("files that a run with figures imports", imported_by_a_run(root)),
        ("longest list of parameters, kernels apart", longest(trees, kernels=False)),
        ("longest list of parameters, kernels", longest(trees, kernels=True)),
        ("longest list of parameters inside kernels", longest(trees, kernels=True, inside=True)),
        ("top-level definitions used exactly once", f"{100 * once / defined:.0f} % of {defined}"),
        ("comment lines in core", comments(files, package / "core")),
        ("comment lines in engine", comments(files, package / "engine", package / "run")),
        ("circles between files", circles(root, trees)),
    ]
    rows += [(f"files that name {word}", naming(files, trees, word)) for word in MECHANISMS]
    for what, value in rows:
        print(f"{what:45}{value}")


def used_once(files: dict[Path, str], trees: dict[Path, ast.Module]) -> tuple[int, int]:
    """Of the top-level functions and classes, how many are named once beside their definition."""
    names = [
        node.name
        for tree in trees.values()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not any("metric" in ast.unparse(d) or "measure" in ast.unparse(d)
                    or "register" in ast.unparse(d) for d in node.decorator_list)
    ]  # fmt: skip
    found: Counter[str] = Counter()
    for text in files.values():
        found.update(re.findall(r"\w+", text))
    return sum(found[name] == 2 for name in names), len(names)


def imported_by_a_run(root: Path) -> str:
    """How many files of the package a run with figures imports."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", RUN, str(root / "evosim")],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(root), "MPLBACKEND": "Agg"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    return done.stdout.splitlines()[-1] if done.returncode == 0 else f"failed: {done.stderr[-200:]}"


def longest(trees: dict[Path, ast.Module], *, kernels: bool, inside: bool = False) -> str:
    """The function with the most parameters.

    Args:
        kernels: of kernels, or of all others.
        inside: of what kernels call, and Python does not.
    """
    found = [
        (len([*a.posonlyargs, *a.args, *a.kwonlyargs]), f"{path.stem}.{node.name}")
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for a in [node.args]
        if is_kernel(path, node) == kernels
        and (not inside or any("inlined" in ast.unparse(d) for d in node.decorator_list))
    ]
    n, name = max(found, default=(0, ""))
    return f"{n} ({name})"


def is_kernel(path: Path, node: ast.FunctionDef) -> bool:
    """Whether a function is compiled."""
    marks = ("kernel", "inlined", "allocating")
    return path.stem in KERNELS and any(
        any(mark in ast.unparse(d) for mark in marks) for d in node.decorator_list
    )


def comments(files: dict[Path, str], *folders: Path) -> str:
    """The share of lines that hold a comment alone."""
    lines = said = 0
    for path, text in files.items():
        if any(folder in path.parents for folder in folders):
            lines += text.count("\n")
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                said += token.type == tokenize.COMMENT and token.line.strip().startswith("#")
    return f"{100 * said / max(lines, 1):.1f} %"


def circles(root: Path, trees: dict[Path, ast.Module]) -> str:
    """Groups of files that import each other when they are imported."""
    graph = {path: set(imports(root, tree)) & trees.keys() - {path} for path, tree in trees.items()}
    reach = {path: reachable(graph, path) for path in graph}
    groups = {frozenset({p, *(q for q in reach[p] if p in reach[q])}) for p in graph}
    found = [sorted(p.relative_to(root).as_posix() for p in g) for g in groups if len(g) > 1]
    return f"{len(found)} {sorted(found) if found else ''}"


def reachable(graph: dict[Path, set[Path]], start: Path) -> set[Path]:
    """All that a file imports, at any remove."""
    waiting: list[Path] = [start]
    seen: set[Path] = set()
    while waiting:
        for path in graph[waiting.pop()] - seen:
            seen.add(path)
            waiting.append(path)
    return seen


def imports(root: Path, tree: ast.Module) -> Iterator[Path]:
    """The modules that are imported at the top of a module, but for types alone."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("evosim"):
            path = root.joinpath(*str(node.module).split("."))
            for alias in node.names:
                inner = path / f"{alias.name}.py"
                package = path / alias.name / "__init__.py"
                yield next(
                    (p for p in (inner, package, path.with_suffix(".py")) if p.is_file()),
                    path / "__init__.py",
                )


def naming(files: dict[Path, str], trees: dict[Path, ast.Module], word: str) -> int:
    """How many files outside the folder of a mechanism name it in their code.

    Identifiers and texts count, comments and docstrings do not: they are read by people alone.
    """
    pattern = re.compile(
        {
            "open_population": r"evolution\.open\b|population_size|open_population",
            "tool": r"\.tool\b|[\"_]tools?\b",
        }.get(word, word)
    )
    outside = [path for path in files if f"mechanisms/{word}/" not in path.as_posix()]
    return sum(bool(pattern.search(code(trees[path]))) for path in outside)


def code(tree: ast.Module) -> str:
    """A module without comments and docstrings."""
    bare = copy.deepcopy(tree)
    for node in ast.walk(bare):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.unparse(bare).replace("'", '"')


if __name__ == "__main__":
    main()
