"""The documentation site: it is built without a warning, and asks nothing of the network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser import Browser, needs_browser

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "tools" / "site"

pytestmark = pytest.mark.xdist_group("site")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(SITE)]
    done = subprocess.run(
        [*command, "-d", str(out / "trees"), str(ROOT / "docs"), str(out / "html")],
        env={**os.environ, "MPLBACKEND": "Agg"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.mark.slow
def test_every_page_is_there_and_can_be_searched(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).exists(), page
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert "collaps" in index  # stems
    assert (site / "search.html").exists()


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]* src=\"([^\"]*)\"", text)
        loaded += re.findall(r"<link[^>]* rel=\"stylesheet\"[^>]* href=\"([^\"]*)\"", text)
        assert loaded or page.stem.endswith("-report")  # all of a report is in it
        assert not [one for one in loaded if re.match(r"(?:https?:)?//", one)], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(.?https?:", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.slow
def test_terms_are_linked_once_and_the_reference_has_docstrings(site: Path) -> None:
    steps = (site / "first-steps.html").read_text(encoding="utf-8")
    assert steps.count("#term-verdict") == 1
    glossary = (site / "glossary.html").read_text(encoding="utf-8")
    for page in site.rglob("*.html"):
        for term in re.findall(r"glossary\.html#(term-[\w-]+)", page.read_text(encoding="utf-8")):
            assert f'id="{term}"' in glossary, term
    reference = (site / "reference.html").read_text(encoding="utf-8")
    assert 'id="evosim.run"' in reference
    assert "BCa" in reference or "replicates" in reference


@pytest.mark.slow
def test_notebooks_show_what_their_code_gives_and_can_be_downloaded(site: Path) -> None:
    shown = (site / "notebooks" / "the-flip.html").read_text(encoding="utf-8")
    assert re.search(r"alignment +0\.\d\d -&gt; 0\.\d\d", shown)
    assert "data:image/png;base64," in shown
    notebook = json.loads((site / "notebooks" / "the-flip.ipynb").read_text(encoding="utf-8"))
    assert {cell["cell_type"] for cell in notebook["cells"]} == {"code", "markdown"}


@pytest.mark.slow
@needs_browser
def test_a_word_is_found_without_network(site: Path) -> None:
    with Browser() as browser:
        page = browser.open((site / "index.html").as_uri())
        page.evaluate("document.querySelector('input.sidebar-search').value = 'collapse'")
        page.evaluate("document.querySelector('form.sidebar-search-container').submit()")
        results = "document.querySelector('#search-results')?.innerText"
        page.wait(f"{results}?.includes('Flips and intervals')")  # they come one by one
        assert page.outside == []
        assert page.problems == []


@pytest.mark.slow
def test_every_page_of_the_gallery_has_its_report(site: Path) -> None:
    recorded = [path for path in (ROOT / "docs/gallery").glob("*.md") if path.stem != "README"]
    assert len(recorded) > 40
    for path in recorded:
        page = (site / "gallery" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert page.count(f'href="{path.stem}-report.html"') == 1
        report = (site / "gallery" / f"{path.stem}-report.html").read_text(encoding="utf-8")
        assert "Content-Security-Policy" in report
        assert report.count("<svg") >= 2
