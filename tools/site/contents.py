"""The tree of the site, from lists of links: a page's list of pages is also its table of contents.

A code host shows ``index.md`` as a page of links. The site needs to know which page is below which;
that is read off the same links, so that nothing is written twice. A page that no such list names
is a warning of Sphinx, and warnings are errors.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx

LISTS = ("index", "README")
"""The last part of the names of pages that list other pages."""
ABOVE = "index"
_ITEM = re.compile(r"^(?:[-*] |\| )\[[^\]]*\]\(([^)#:]+)\.md\)", re.MULTILINE)
_NAME = re.compile(r"^- `(evosim(?:\.\w+)+)`.*\n(?:  .*\n)*", re.MULTILINE)


def listed(text: str) -> Iterator[str]:
    """The pages that the lists and tables of a page begin their lines with, each once."""
    yield from dict.fromkeys(_ITEM.findall(text))


def with_tree(docname: str, text: str) -> str:
    """The page with a hidden table of contents below each of its headings that has a list."""
    if posixpath.basename(docname) not in LISTS:
        return text
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    seen: set[str] = set()
    return "".join(_with_tree(docname, part, seen) for part in parts)


def _with_tree(docname: str, part: str, seen: set[str]) -> str:
    below = [
        page
        for page in listed(part)
        if not page.startswith("..") and not (page in seen or seen.add(page))  # type: ignore[func-returns-value]
    ]
    if not below:
        return part
    caption = re.match(r"## (.*)\n", part)
    options = [":hidden:"]
    if caption and docname == ABOVE:
        options.append(f":caption: {caption[1]}")
    return "\n".join([part.rstrip(), "", "```{toctree}", *options, "", *below, "```", "", ""])


def with_reference(docname: str, text: str) -> str:
    """The page of the public names with what their docstrings say in place of a line about each."""
    if docname != "reference":
        return text
    return _NAME.sub(lambda found: _documented(found[1]), text)


def _documented(name: str) -> str:
    import evosim

    thing: Any = evosim
    for part in name.split(".")[1:]:
        thing = getattr(thing, part)
    lines = [".. autofunction:: " + name]
    if isinstance(thing, type):
        error = issubclass(thing, BaseException)
        lines = [f".. auto{'exception' if error else 'class'}:: {name}", "   :members:"]
    elif isinstance(thing, ModuleType):
        lines = [".. automodule:: " + name]
    return "\n".join(["```{eval-rst}", *lines, "```", "", ""])


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    source[0] = with_reference(docname, with_tree(docname, source[0]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True}
