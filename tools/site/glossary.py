"""The first use of a term on a page becomes a link to its row of the glossary.

This is done when the site is built, so that nobody has to keep such links by hand. A reader who
rests the pointer on the term sees its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx

from evosim.glossary import Term, terms

PAGE = "glossary"
EVERYDAY = {
    "agents and devices", "arm", "batch", "chunk", "constant", "control", "event", "field",
    "finding", "flip", "generation", "given", "honest", "lane", "level", "manifest",
    "migration", "monitor", "optimum", "planner", "query", "record", "scenario",
    "selection", "share", "source", "state", "study", "table", "term", "tool",
    "window", "world", "zero",
}  # fmt: skip
"""Terms that are not linked, as pages also use the word in its everyday sense, or as every page
uses it: flip, scenario, level."""
_SKIPPED = (nodes.title, nodes.reference, nodes.literal, nodes.literal_block, nodes.raw)


def linked() -> dict[str, Term]:
    """Every word that is linked, in lower case, and its term."""
    found = {}
    for term in terms():
        for name in term.names:
            if name.lower() not in EVERYDAY and re.fullmatch(r"[A-Za-z][\w -]{2,}", name):
                found[name.lower()] = term
    return found


def anchor(term: Term) -> str:
    """The anchor of a term on the page of the glossary."""
    return "term-" + re.sub(r"\W+", "-", term.names[0].lower()).strip("-")


def _anchors(doctree: nodes.document) -> None:
    """Give each row of the glossary its anchor."""
    known = {", ".join(term.names): anchor(term) for term in terms()}
    for row in doctree.findall(nodes.row):
        first = row.next_node(nodes.entry)
        if first is not None and first.astext() in known:
            row["ids"].append(known[first.astext()])


def _texts(doctree: nodes.document) -> Iterator[nodes.Text]:
    """Running text: what stands in no heading, link or code."""
    for text in list(doctree.findall(nodes.Text)):
        above = text.parent
        while above is not None and not isinstance(above, _SKIPPED):
            above = above.parent
        if above is None:
            yield text


def _link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    if docname == PAGE:
        _anchors(doctree)
        return
    known = linked()
    page = app.builder.get_relative_uri(docname, PAGE)
    for text in _texts(doctree):
        if not known:
            break
        words = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
        parts: list[nodes.Node] = []
        rest = str(text)
        pattern = re.compile(rf"\b({words})s?\b", re.IGNORECASE)
        while known and (found := pattern.search(rest)):
            term = known.get(found[1].lower())
            if term is None:  # it has just been linked
                parts.append(nodes.Text(rest[: found.end()]))
            else:
                uri = f"{page}#{anchor(term)}"
                link = nodes.reference("", found[0], refuri=uri, internal=True, classes=["term"])
                link["reftitle"] = term.meaning
                parts += [nodes.Text(rest[: found.start()]), link]
                for name in term.names:
                    known.pop(name.lower(), None)
            rest = rest[found.end() :]
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(rest)])


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-resolved", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
