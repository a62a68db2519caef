"""docs/python.md is true: its code runs, block after block, and gives the values that it shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "python.md"


def blocks() -> list[tuple[int, str]]:
    """The code of the page: the line in which each block begins, and its text."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(text[: one.start()].count("\n") + 2, one[1]) for one in found]


def run(code: str, line: int, namespace: dict[str, object]) -> int:
    """Run a block statement by statement; returns how many values it shows."""
    shown = 0
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        module = ast.Module([statement], type_ignores=[])
        _, arrow, expected = lines[(statement.end_lineno or 0) - 1].partition("  # -> ")
        where = f"{PAGE.name}:{line + statement.lineno - 1}"
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
    assert sum(run(code, line, namespace) for line, code in blocks()) > 25
    said = capsys.readouterr().out
    assert "unknown key" in said
    assert "Flip at generation 6: ancestral -> modern" in said


def test_a_value_that_is_not_shown_right_fails() -> None:
    with pytest.raises(AssertionError, match=r"python\.md:1: 2"):
        run("1 + 1  # -> 3", 1, {})
    assert run("1 + 1  # -> 2\nx = 1\nx  # -> 1", 1, {}) == 2
