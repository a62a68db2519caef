"""The line of every key of a TOML text; built only when there is an error to report."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import tree_sitter

KeyPath: TypeAlias = tuple[str | int, ...]


def dotted(path: KeyPath) -> str:
    """A key path as it is shown: ``timeline.0.train``."""
    return ".".join(str(part) for part in path)


def line_map(text: str) -> dict[KeyPath, int]:
    """The line, from 1, on which each key path and each element of an array begins.

    Tables that are only implied by a longer key stand on the line of the first such key.
    """
    import tree_sitter
    import tree_sitter_toml

    language = tree_sitter.Language(tree_sitter_toml.language())
    tree = tree_sitter.Parser(language).parse(text.encode())
    lines: dict[KeyPath, int] = {(): 1}
    lengths: dict[KeyPath, int] = {}
    for node in tree.root_node.named_children:
        if node.type == "pair":
            _note_pair(node, (), lines)
        elif node.type in ("table", "table_array_element"):
            path = _header(node, lengths)
            _note(path, node, lines)
            for pair in node.named_children:
                if pair.type == "pair":
                    _note_pair(pair, path, lines)
    return lines


def line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int:
    """The line of a key path, or of the nearest parent that the text holds."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _header(node: tree_sitter.Node, lengths: dict[KeyPath, int]) -> KeyPath:
    """The path of ``[a.b]`` or ``[[a.b]]``; a name of an array means its last element."""
    parts = list(_key(node.named_children[0]))
    path: KeyPath = ()
    for i, part in enumerate(parts):
        path = (*path, part)
        if node.type == "table_array_element" and i == len(parts) - 1:
            lengths[path] = lengths.get(path, 0) + 1
        if path in lengths:
            path = (*path, lengths[path] - 1)
    return path


def _key(node: tree_sitter.Node) -> Iterator[str]:
    if node.type == "dotted_key":
        for child in node.named_children:
            yield from _key(child)
    elif node.type == "quoted_key":
        yield tomllib.loads(f"key = {_text(node)}")["key"]
    else:
        yield _text(node)


def _text(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode()


def _note(path: KeyPath, node: tree_sitter.Node, lines: dict[KeyPath, int]) -> None:
    for length in range(1, len(path) + 1):
        lines.setdefault(path[:length], node.start_point[0] + 1)


def _note_pair(pair: tree_sitter.Node, parent: KeyPath, lines: dict[KeyPath, int]) -> None:
    key, *values = pair.named_children
    path = (*parent, *_key(key))
    _note(path, pair, lines)
    for value in values:
        _note_value(value, path, lines)


def _note_value(value: tree_sitter.Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    if value.type == "inline_table":
        for pair in value.named_children:
            if pair.type == "pair":
                _note_pair(pair, path, lines)
    elif value.type == "array":
        elements = [child for child in value.named_children if child.type != "comment"]
        for i, element in enumerate(elements):
            _note((*path, i), element, lines)
            _note_value(element, (*path, i), lines)
