"""Parts that pages are made of: figures as inline SVG, scenario files in colour, tables of data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
SCALE = 1.7
"""CSS pixels a point: text of 7 points is read as easily as that of the page."""
DROPPED = ("style", "metadata", "script", "foreignObject")
"""Parts of an SVG that a page has no use for; page.css has the one rule of style."""


class Drawn(NamedTuple):
    """A figure in a page."""

    name: str
    title: str
    svg: Markup


def inline(figure: Figure, name: str, title: str) -> Drawn:
    """A figure as SVG that can stand in a page beside others.

    Args:
        name: of the figure; its parts are called ``name-...``.
        title: what readers hear who do not see it.
    """
    from evosim.plot.style import rendered

    return Drawn(name, title, embedded(rendered(figure, "svg"), name, title))


def embedded(content: bytes, name: str, title: str) -> Markup:
    """An SVG file as an element of a page: text as text, ids of its own, nothing that runs."""
    root = ElementTree.fromstring(content)
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in DROPPED or not isinstance(child.tag, str):
                parent.remove(child)
    box = root.get("viewBox", "0 0 0 0")
    width = f"{SCALE * float(box.split()[2]):.0f}"
    attributes = {"viewBox": box, "width": width, "role": "img", "aria-label": title}
    attributes |= {
        key: root.attrib[key] for key in ("font-family", "font-size") if key in root.attrib
    }
    parts = "".join(_written(child, name) for child in root)
    return Markup(f"<svg{_attributes(attributes)}>{parts}</svg>")


def _local(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def _written(element: ElementTree.Element, name: str) -> str:
    """An element and what it holds, its ids and what refers to them after ``name``."""
    attributes = {}
    for key, value in element.attrib.items():
        local = _local(key)
        if local.startswith("on"):
            continue
        if local == "href" and not value.startswith(("#", "data:image/")):
            continue
        if local == "id":
            value = f"{name}-{value}"
        elif local == "href" and value.startswith("#"):
            value = f"#{name}-{value[1:]}"
        attributes[f"xlink:{local}" if key.startswith(f"{{{LINK}}}") else local] = _REFERENCE.sub(
            rf"url(#{name}-\1)", value
        )
    inner = _text(element.text)
    inner += "".join(_written(child, name) + _text(child.tail) for child in element)
    start = f"<{_local(element.tag)}{_attributes(attributes)}"
    return f"{start}>{inner}</{_local(element.tag)}>" if inner else f"{start}/>"


def _text(text: str | None) -> str:
    """Text between elements; none where it only sets them apart."""
    return str(escape(text)) if text and not text.isspace() else ""


def _attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())


_TOML = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
    |(?P<text>\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    |(?P<head>^[ \t]*\[{1,2}[^\]\n]*\]{1,2})
    |(?P<key>[A-Za-z0-9_.-]+(?=[ \t]*=))
    |(?P<number>\b(?:true|false)\b|(?<![\w.])[+-]?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\b)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


def toml(source: str) -> Markup:
    """A TOML file as HTML: comments, texts, tables, keys and numbers each in a colour.

    >>> str(toml("depth = 3  # <b>"))
    '<span class="key">depth</span> = <span class="number">3</span>  <span class="comment"># &lt;b&gt;</span>'
    """  # noqa: E501

    def parts() -> Iterator[str]:
        end = 0
        for found in _TOML.finditer(source):
            yield str(escape(source[end : found.start()]))
            yield f'<span class="{found.lastgroup}">{escape(found[0])}</span>'
            end = found.end()
        yield str(escape(source[end:]))

    return Markup("".join(parts()))


def table(
    name: str, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> dict[str, Any]:
    """A table of data for ``evosim.table`` of page.js.

    Args:
        name: of the CSV file.
        title: what it holds.
    """
    return {"name": name, "title": title, "columns": list(columns), "rows": [list(r) for r in rows]}
