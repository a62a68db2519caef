"""The pages of docs/notebooks are run when the site is built, and show what their code gives.

A notebook is a page of Markdown with Python in it: it reads well where it is, differences between
two versions can be read, and no output is kept in it. Below each block of code the site shows what
was printed, the value of its last expression, and the figures. The same notebook for Jupyter can
be downloaded from the page.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

FOLDER = "notebooks/"
_BLOCK = re.compile(r"^```python\n(.*?)^```\n", re.DOTALL | re.MULTILINE)


def cells(text: str) -> Iterator[tuple[str, str]]:
    """The page in order: ("markdown", words) and ("code", code)."""
    end = 0
    for found in _BLOCK.finditer(text):
        if words := text[end : found.start()].strip():
            yield "markdown", words
        yield "code", found[1].rstrip("\n")
        end = found.end()
    if words := text[end:].strip():
        yield "markdown", words


def as_ipynb(text: str) -> str:
    """The page as a notebook of Jupyter, without outputs."""
    made: list[dict[str, Any]] = []
    for n, (kind, source) in enumerate(cells(text)):
        more: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
        made.append(
            {"cell_type": kind, "id": f"cell-{n}", "metadata": {},
             "source": source.splitlines(keepends=True), **more}
        )  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made},
        indent=1, ensure_ascii=False,
    )  # fmt: skip


def executed(text: str, name: str) -> str:
    """The page with what its code gives below each block.

    Raises:
        ExtensionError: a block fails; its traceback is shown.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    parts = []
    for n, (kind, source) in enumerate(cells(text)):
        if kind == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        try:
            parts += _given(source, f"{name}, block {n}", namespace)
        except Exception as error:
            raise ExtensionError(f"{name}:\n{source}\n{traceback.format_exc()}") from error
    return "\n\n".join(parts) + "\n"


def _given(source: str, name: str, namespace: dict[str, Any]) -> Iterator[str]:
    """What a block prints, and the value of its last expression, as Markdown."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(tree, name, "exec"), namespace)
        value = None
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
    if out.getvalue().strip():
        yield _text(out.getvalue())
    if hasattr(value, "savefig"):
        yield _picture(value, source)
    elif value is not None:
        yield _text(value.to_string() if hasattr(value, "to_string") else repr(value))


def _text(text: str) -> str:
    fence = "`" * 6
    return f"{fence}{{code-block}} none\n:class: output\n\n{text.rstrip()}\n{fence}"


def _picture(figure: Any, source: str) -> str:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=160)
    data = base64.b64encode(drawn.getvalue()).decode()
    told = re.search(r"# figure: (.*)", source)
    words = escape(told[1] if told else "what the code above draws", quote=True)
    return f'<p class="output"><img alt="{words}" src="data:image/png;base64,{data}"></p>'


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    if not docname.startswith(FOLDER) or docname.endswith("README"):
        return
    name = docname.removeprefix(FOLDER)
    file = Path(app.outdir) / FOLDER / f"{name}.ipynb"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(as_ipynb(source[0]), encoding="utf-8")
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # what it writes is not kept
        try:
            text = executed(source[0], docname)
        finally:
            os.chdir(here)
    link = f'<p><a href="{name}.ipynb" download>This notebook for Jupyter</a></p>'
    source[0] = re.sub(r"\A(# .*\n)", lambda found: f"{found[1]}\n{link}\n", text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.stdout.flush()
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
