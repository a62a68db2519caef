"""What package managers and those who cite evosim are told."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
import yaml

import evosim
from evosim.engine import provenance
from evosim.errors import DISTRIBUTION, install

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def setup() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found


def test_the_distribution_is_not_called_like_another_package(
    setup: configparser.ConfigParser,
) -> None:
    assert setup["metadata"]["name"] == DISTRIBUTION == "evosim-sandbox"
    assert provenance.libraries()["evosim"] == evosim.__version__ == setup["metadata"]["version"]


def test_no_page_or_message_installs_the_other_package(setup: configparser.ConfigParser) -> None:
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "evosim").rglob("*.py")]
    named = [
        (file.name, name)
        for file in files
        for name in re.findall(r"pip install [^\n]*?(evosim[\w-]*)", file.read_text())
    ]
    assert any(file.endswith(".md") for file, _ in named)
    assert {name for _, name in named} == {DISTRIBUTION}
    for extra in re.findall(r"install\(['\"](\w+)", "".join(f.read_text() for f in files)):
        assert extra in setup["options.extras_require"]
    assert install("trees") == f"pip install '{DISTRIBUTION}[trees]'"


def test_the_citation_fits_the_package(setup: configparser.ConfigParser) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    metadata = setup["metadata"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == metadata["version"]
    assert citation["license"] == metadata["license"]
    assert [author["name"] for author in citation["authors"]] == [metadata["author"]]
    assert metadata["author"] in (ROOT / "LICENSE").read_text()
