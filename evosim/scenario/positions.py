"""The line of every key of a TOML text; built only when there is an error to report."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import tree_sitter

KeyPath: TypeAlias = tuple[str | int, ...]
_Nodes: TypeAlias = "dict[KeyPath, tree_sitter.Node]"

# A character as a string in double quotes has it: as its escape, or as itself.
_ANY = re.compile(r".", re.DOTALL)
_CHARACTER = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)|.", re.DOTALL)


def dotted(path: KeyPath) -> str:
    """A key path as it is shown: ``timeline.0.train``."""
    return ".".join(str(part) for part in path)


def line_map(text: str) -> dict[KeyPath, int]:
    """The line, from 1, on which each key path and each element of an array begins.

    Tables that are only implied by a longer key stand on the line of the first such key.
    """
    return {(): 1} | {path: node.start_point[0] + 1 for path, node in _nodes(text).items()}


def place_of(text: str, path: KeyPath, character: str) -> tuple[int, int] | None:
    """Line and column, from 1, of a character in the string at a key path, where it is first
    written, as itself or as its escape; None where it is not."""
    node = _nodes(text).get(path)
    if node is not None and node.type == "pair":
        node = node.named_children[-1]
    if node is None or node.type != "string":
        return None
    written = _text(node)
    escapes = written.startswith('"')
    for found in (_CHARACTER if escapes else _ANY).finditer(written):
        code = found[0][2:] if escapes and found[0][:2] in ("\\u", "\\U") else ""
        short = escapes and _SHORT.get(found[0]) == character
        if short or character == (chr(int(code, 16)) if code else found[0]):
            before = text.encode()[: node.start_byte].decode() + written[: found.start()]
            return before.count("\n") + 1, len(before) - before.rfind("\n")
    return None


_SHORT = {r"\b": "\b", r"\t": "\t", r"\n": "\n", r"\f": "\f", r"\r": "\r"}
"""Escapes that TOML has beside numbers."""


def _nodes(text: str) -> _Nodes:
    """What begins each key path and each element of an array."""
    import tree_sitter
    import tree_sitter_toml

    language = tree_sitter.Language(tree_sitter_toml.language())
    tree = tree_sitter.Parser(language).parse(text.encode())
    nodes: _Nodes = {}
    lengths: dict[KeyPath, int] = {}
    for node in tree.root_node.named_children:
        if node.type == "pair":
            _note_pair(node, (), nodes)
        elif node.type in ("table", "table_array_element"):
            path = _header(node, lengths)
            _note(path, node, nodes)
            for pair in node.named_children:
                if pair.type == "pair":
                    _note_pair(pair, path, nodes)
    return nodes


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


def _note(path: KeyPath, node: tree_sitter.Node, nodes: _Nodes) -> None:
    for length in range(1, len(path) + 1):
        nodes.setdefault(path[:length], node)


def _note_pair(pair: tree_sitter.Node, parent: KeyPath, nodes: _Nodes) -> None:
    key, *values = pair.named_children
    path = (*parent, *_key(key))
    _note(path, pair, nodes)
    for value in values:
        _note_value(value, path, nodes)


def _note_value(value: tree_sitter.Node, path: KeyPath, nodes: _Nodes) -> None:
    if value.type == "inline_table":
        for pair in value.named_children:
            if pair.type == "pair":
                _note_pair(pair, path, nodes)
    elif value.type == "array":
        elements = [child for child in value.named_children if child.type != "comment"]
        for i, element in enumerate(elements):
            _note((*path, i), element, nodes)
            _note_value(element, (*path, i), nodes)
