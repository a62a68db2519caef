"""Reports of the gallery: beside each of its pages one HTML file, as `evosim report` writes it.

They are made of the records and of the figures that stand in docs/gallery, so that nothing is drawn
or run when the site is built.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from evosim import scenario
from evosim.gallery import confirmation, pages, record
from evosim.plot.registry import OF
from evosim.plot.summaries import names_for
from evosim.web import of_experiment, parts

FOLDER = "gallery"


def link(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """A link to the report at the head of a page of the gallery."""
    folder, _, name = pagename.partition("/")
    if folder == FOLDER and name in scenario.catalogue() and "body" in context:
        words = "Interactive report: findings, curves, figures and data in one file"
        link = f'<p><a class="reference" href="{name}-report.html">{words}</a></p>'
        context["body"] = context["body"].replace("</h1>", f"</h1>{link}", 1)


def write(app: Sphinx, error: Exception | None) -> None:
    """Write the reports into the site."""
    if error is not None or app.builder.format != "html":
        return
    source, out = Path(app.srcdir) / FOLDER, Path(app.outdir) / FOLDER
    for path in sorted(source.glob("*.json")):
        if not confirmation.is_one(path):
            (out / f"{path.stem}-report.html").write_text(page(path), encoding="utf-8")


def page(path: Path) -> str:
    """The report of a record."""
    found = record.read(path)
    name = found["scenario"]
    figures = []
    for figure in names_for("experiment", found):
        drawn = path.parent / pages.file_of(name, figure)
        title = f"{found['title']}: {OF['experiment'][figure].title}"
        figures.append(
            parts.Drawn(figure, title, parts.embedded(drawn.read_bytes(), figure, title))
        )
    return of_experiment.render(found, scenario.load(name), figures=figures)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", link)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
