"""Numbers of summaries as text."""

from __future__ import annotations

import re

from evosim.stats import report_tables

WORDS = ["gene", *(f"part {i} [-0.123, 0.123]" for i in range(6))]


def test_a_table_that_fits_is_one() -> None:
    assert report_tables.tables([["a", "1"], ["bb", "22"]]) == ["  a   1", "  bb  22"]


def test_a_table_too_wide_is_told_in_several_that_begin_alike() -> None:
    lines = report_tables.tables([WORDS, ["drive", *"abcdef"]])
    assert max(map(len, lines)) <= report_tables.WIDTH
    heads = [line for line in lines if line.startswith("  gene")]
    assert len(heads) == len([line for line in lines if line.startswith("  drive")]) > 1
    assert [cell for line in heads for cell in re.split(" {2,}", line.strip())[1:]] == WORDS[1:]


def test_a_column_wider_than_a_text_stands_alone() -> None:
    long = "x" * (report_tables.WIDTH + 1)
    assert report_tables.tables([["a", "b", long, "c"]]) == [
        "  a  b",
        "",
        f"  a  {long}",
        "",
        "  a  c",
    ]


def test_long_words_are_broken_into_lines() -> None:
    lines = report_tables.filled("a drive-by word " * 20, indent="  ")
    assert max(map(len, lines)) <= report_tables.WIDTH
    assert all(line.startswith("  ") for line in lines[1:])
    assert " ".join(line.strip() for line in lines) == ("a drive-by word " * 20).strip()
