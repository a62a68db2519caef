"""Pages of Python are true: their code runs, block after block, and gives what it shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pandas
import pytest

import evosim

DOCS = Path(__file__).resolve().parent.parent / "docs"
TOUR = DOCS / "python.md"
NOTEBOOKS = sorted(page for page in (DOCS / "notebooks").glob("*.md") if page.name != "README.md")
PAGES = [*NOTEBOOKS, DOCS / "gym.md", DOCS / "agents.md"]
"""Pages that run by themselves."""


def blocks(page: Path) -> list[tuple[int, str]]:
    """The code of a page: the line in which each block begins, and its text."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text[: one.start()].count("\n") + 2, one[1]) for one in found]


def run(code: str, line: int, namespace: dict[str, object], page: Path = TOUR) -> int:
    """Run a block statement by statement; returns how many values it shows."""
    shown = 0
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        module = ast.Module([statement], type_ignores=[])
        _, arrow, expected = lines[(statement.end_lineno or 0) - 1].partition("  # -> ")
        where = f"{page.name}:{line + statement.lineno - 1}"
        if not arrow:
            exec(compile(module, where, "exec"), namespace)
            continue
        assert isinstance(statement, ast.Expr), f"{where}: only an expression has a value"
        value = eval(compile(ast.Expression(statement.value), where, "eval"), namespace)
        assert repr(value) == expected, f"{where}: {value!r}"
        shown += 1
    return shown


@pytest.mark.slow
@pytest.mark.usefixtures("registries_restored")
def test_the_tour_runs_and_gives_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    assert sum(run(code, line, namespace) for line, code in blocks(TOUR)) > 25
    said = capsys.readouterr().out
    assert "unknown key" in said
    assert "Flip at generation 6: ancestral -> modern" in said


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_and_gives_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    assert sum(run(code, line, namespace, page) for line, code in blocks(page)) > 0


@pytest.mark.slow
def test_the_python_of_pages_about_runs_can_be_run_on_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = {
        "evolution.population": 8, "evolution.levels": 1, "measure.levels": 1, "measure.sample": 2,
        "timeline.0.generations": 3, "timeline.1.generations": 2,
    }  # fmt: skip
    evosim.run("contraception", seed=1, settings=small, out="runs/contraception-1", figures=False)
    for page in (DOCS / "how-to.md", DOCS / "for-biologists.md"):
        for line, code in blocks(page):
            run(code, line, {}, page)
    pedigree = pandas.read_csv("pedigree.csv")
    offspring = pandas.read_csv("offspring.csv")
    assert len(pedigree) == 4 * 8
    assert pedigree["mother"].between(0, 7).all()
    assert offspring.groupby("generation")["offspring"].sum().tolist() == [16] * 4


def test_a_value_that_is_not_shown_right_fails() -> None:
    with pytest.raises(AssertionError, match=r"python\.md:1: 2"):
        run("1 + 1  # -> 3", 1, {})
    assert run("1 + 1  # -> 2\nx = 1\nx  # -> 1", 1, {}) == 2
