"""Why a text is no TOML, in plain words where the cause can be known."""

from __future__ import annotations

import re
from typing import NamedTuple

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_BETWEEN = re.compile(r"[\[\]{},=#]")
_KEY = re.compile(r"""\s*((?:[\w.-]|"[^"]*"|'[^']*')+)\s*=(?!=)""")
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]*?)\s*\]")
_NEXT = re.compile(rf"{_KEY.pattern}|\s*\[\[?\s*[A-Za-z]")
_FORMULA = re.compile(r"[-+(]*\d[\d._eE]*\s*(?:\*\*|[-+*/^%])\s*[-+(]*[\w.].*")
_NUMBER = re.compile(r"[-+]?\d[\d_]*(?:\.\d[\d_]*)?")
_TWICE = re.compile(r"Cannot declare \((.*?),?\) twice")

_WORDS = {"true": "true", "false": "false", "yes": "true", "no": "false", "on": "true",
          "off": "false"}  # fmt: skip
_NOTHING = ("none", "null", "nil", "na")
_CURLY = "“”„‘’«»"  # noqa: RUF001


class Cause(NamedTuple):
    """A line, from 1, and what is wrong on it."""

    line: int
    message: str


def cause(text: str, line: int, column: int | None, told: str) -> Cause | None:
    """What is most likely wrong, None where nothing more is known than the parser told.

    Args:
        text: the whole text.
        line: that the parser stopped on, from 1.
        column: likewise; None where it stopped at the end.
        told: what the parser said.

    Example:
        >>> cause("a = 3*0.5", 1, 6, "Expected newline").message
        '3*0.5 is a formula, where TOML has numbers only: write the result (column 5)'
    """
    lines = text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    at = len(here) if column is None else column - 1
    if told.startswith("Cannot"):
        return _twice(lines, line, told)
    if told.startswith(("Unterminated string", "Expected \"'", "Illegal character '\\n'")):
        return _unclosed_text(lines, line)
    if told.startswith("Unescaped"):
        return Cause(
            line,
            "a backslash in \"...\" begins an escape: write \\\\ for one, or the text in '...'",
        )
    if told.startswith("Expected '='"):
        return _no_equals(here, line, at)
    if told.startswith("Expected ']"):
        close = "]]" if here.lstrip().startswith("[[") else "]"
        return Cause(
            line,
            f"not the header of a table: {close} is needed at its end, and names of letters, "
            "digits, _ and - between dots",
        )
    if told.startswith("Invalid initial character") and here[at:].strip() in ("", "}"):
        return Cause(
            line,
            "a table in { } stands on one line, without a comma at its end; longer ones go under "
            "a header of their own, [like.this]",
        )
    return _value(here, line, at, told)


def _value(here: str, line: int, at: int, told: str) -> Cause | None:
    """What is wrong with the value that stands at a place of a line."""
    token, begin = _token(here, at)
    lower = token.lower()
    if token[:1] in _CURLY and token:
        message = f"{token[0]} is no quote of TOML: write text in \"...\" or '...'"
    elif _FORMULA.fullmatch(token) and not re.fullmatch(r"[-\d:TZ.+ ]{10,}", token):
        if token.endswith("%"):
            message = f"{token} is no number: write a share of 1, as 0.1 for 10 %"
        else:
            message = f"{token} is a formula, where TOML has numbers only: write the result"
    elif re.fullmatch(r"[\d.]+\s*%", token):
        message = f"{token} is no number: write a share of 1, as 0.1 for 10 %"
    elif token != lower and lower in ("true", "false"):
        message = f"{token} is no value of TOML: write {lower}"
    elif lower in _WORDS and lower not in ("true", "false"):
        message = f'{token} is no value of TOML: write {_WORDS[lower]}, or "{token}" for text'
    elif lower in _NOTHING:
        message = f"{token} is no value of TOML: leave the key out"
    elif re.fullmatch(r"[-+]?\.\d+", token) or re.fullmatch(r"[-+]?\d+\.", token):
        message = f"{token} is no number of TOML: a digit stands on both sides of the point"
    elif re.fullmatch(r"[-+]?0\d+", token):
        message = f"{token} is no number of TOML: leave out the zero at its beginning"
    elif re.fullmatch(r"\d+( \d+)+", token):
        one = f", or it is one number, {token.replace(' ', '_')}"
        thousands = re.fullmatch(r"\d{1,3}( \d{3})+", token)
        message = f"{token}: a comma is missing between values{one if thousands else ''}"
    elif not token and "=" in here[:at] and not here[at:].partition("#")[0].strip(" \t]}"):
        message = "no value after ="
    elif re.fullmatch(r"[A-Za-z][\w .-]*", token) and told.startswith("Invalid value"):
        message = f'text stands in quotes: "{token}"'
    elif found := re.match(r"\s*(;|//)", here[at:]):
        message = f"{found[1]} begins no comment in TOML: # does"
    elif re.fullmatch(r"\s*,\s*\d+\s*", here[at:].partition("#")[0]) and _NUMBER.fullmatch(token):
        message = "a number has a point, no comma; several values stand in [ ]"
    elif found := re.fullmatch(r"(\d+)\s*(?:\.\.+|:)\s*(\d+)", token):
        message = f"{token} is no range: write [{found[1]}, {found[2]}]"
    elif told.startswith("Unclosed array") and not here[:at].strip() and _NEXT.match(here):
        return Cause(line, "an array is not closed: ] is missing before this line")
    elif told.startswith("Unclosed array") and not here[at:].strip():
        message = "an array is not closed: ] is missing at its end"
    elif told.startswith("Unclosed inline table") and not here[at:].strip():
        message = "a table in { } stands on one line, and } is missing at its end"
    elif told.startswith("Unclosed") and at < len(here) and here[at] not in ",]}":
        message = "a comma is missing between two values"
    else:
        return None
    return Cause(line, f"{message} (column {begin + 1})" if token else message)


def _token(here: str, at: int) -> tuple[str, int]:
    """What stands at a place between commas, brackets and =, and where it begins."""
    hidden = _STRING.sub(lambda found: "\0" * len(found[0]), here)
    begin = max((m.end() for m in _BETWEEN.finditer(hidden[:at])), default=0)
    if at < len(hidden) and (found := re.search(r"\0", hidden[begin:at])):
        begin += found.start()
    after = _BETWEEN.search(hidden, at)
    token = here[begin : after.start() if after else len(here)]
    token = re.split(r"\s*(?:;|//)", token)[0]
    return token.strip(), begin + len(token) - len(token.lstrip())


def _no_equals(here: str, line: int, at: int) -> Cause | None:
    rest = here[at:].lstrip()
    if rest.startswith(":"):
        return Cause(line, "= stands between a key and its value, not :")
    if _KEY.match(rest):
        return Cause(
            line, "a key is one word, or stands in quotes; or = is missing after the first"
        )
    return Cause(line, f"= is missing after the key {here[:at].split()[-1]}" if here[:at].split()
                 else "= is missing after a key")  # fmt: skip


def _unclosed_text(lines: list[str], line: int) -> Cause | None:
    """The last line up to one on which quotes are opened and not closed."""
    for quotes in ('"""', "'''"):
        having = [i for i, one in enumerate(lines, 1) if quotes in one]
        if sum(one.count(quotes) for one in lines) % 2:
            return Cause(having[-1], f"text is not closed: {quotes} is missing at its end")
    for number in range(line, 0, -1):
        rest = _STRING.sub("", lines[number - 1]).partition("#")[0]
        for quote in "\"'":
            if rest.count(quote) % 2:
                several = 'text of several lines stands in """'
                message = f"text is not closed: {quote} is missing at its end ({several})"
                return Cause(number, message)
    return None


def _twice(lines: list[str], line: int, told: str) -> Cause | None:
    """A table, or a key of a table, that is there already."""
    headers = [(i, _HEADER.match(one)) for i, one in enumerate(lines[:line], 1)]
    known = [(i, found[1], found[2]) for i, found in headers if found]
    if twice := _TWICE.match(told):
        name = ".".join(re.findall(r"'([^']*)'", twice[1]))
        above = [(i, mark) for i, mark, other in known if other == name and i < line]
        if not above:
            return Cause(
                line, f"[{name}] is there already, by keys or in {{ }}: write all of it in one way"
            )
        i, mark = above[0]
        if mark == "[[":
            return Cause(line, f"[{name}] is [[{name}]] on line {i}: write the same each time")
        return Cause(
            line, f"[{name}] is there already, on line {i}: put the keys of both under one header"
        )
    if known and known[-1][0] == line:
        name = known[-1][2]
        written = f"[[{name}]]" if known[-1][1] == "[[" else f"[{name}]"
        return Cause(line, f"{written} is there already in another form")
    begin = known[-1][0] if known else 0
    for last in range(line, begin, -1):
        if key := _KEY.match(lines[last - 1]):
            break
    else:
        return None
    for first in range(begin + 1, last):
        if (other := _KEY.match(lines[first - 1])) and other[1] == key[1]:
            return Cause(last, f"{key[1]} is there already, on line {first}: leave one of them")
    return Cause(last, f"{key[1]} is there already in another form, or a part of it")
