"""What a file says, told apart from what decides its numbers and its verdicts.

Words may be mended at any time, and nothing is run again for them. All the rest of a scenario or
study can be frozen before it is run: its hash, written into it as ``frozen``, makes it
confirmatory, and it is exploratory again as soon as anything that is hashed was changed.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import Any

WORDS = (
    "title", "question", "claim", "source", "control", "expected", "found", "pilots", "frozen",
)  # fmt: skip
"""Keys of a scenario that nothing simulated or measured depends on, in the order of a file."""
_OF_STUDIES = ("finding",)
_OF_WORLDS = ("family",)
"""What the runs of other worlds than the scenario's own depend on."""
_WITHIN = ("says", "label", "unit")


def fingerprint(*sources: str) -> str:
    """A hash of all in files but words, comments and layout.

    Args:
        sources: the TOML text of a scenario; of a study, and of the scenario that it is about.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    hashed = []
    for source in sources:
        table = tomllib.loads(source)
        left_out = (*WORDS, *_OF_STUDIES, *_OF_WORLDS)
        one = _without_words({k: v for k, v in table.items() if k not in left_out})
        for arm in one.get("experiment", {}).get("arms", {}).values():
            arm.pop("title", None)
        hashed.append(one)
    rest = json.dumps(hashed, sort_keys=True, default=str)
    return hashlib.sha256(rest.encode()).hexdigest()


def promise(source: str, *, worlds: bool = False) -> str:
    """A hash of all that a confirmation is held to: what :func:`fingerprint` covers, the claim,
    what is expected, and what each finding says.

    Args:
        source: the TOML text of a scenario.
        worlds: whether the claim is tested over its family, which is held to then as well.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    table = tomllib.loads(source)
    findings = table.get("experiment", {}).get("findings", [])
    promised = [fingerprint(source), table.get("claim"), table.get("expected")]
    promised.append([finding.get("says") for finding in findings])
    if worlds:
        promised.append(table.get("family"))
    text = json.dumps(promised)
    return hashlib.sha256(text.encode()).hexdigest()


def is_confirmatory(*sources: str) -> bool:
    """Whether the first of these files was frozen, and nothing hashed has changed since."""
    return tomllib.loads(sources[0]).get("frozen") == fingerprint(*sources)


def status(*sources: str) -> str:
    """Confirmatory or exploratory, in words; of a hash that does not fit, what would."""
    frozen = tomllib.loads(sources[0]).get("frozen")
    if is_confirmatory(*sources):
        return "confirmatory: frozen before it was run"
    if frozen is None:
        return "exploratory"
    return f"exploratory: frozen is not the hash of all but its words, {fingerprint(*sources)}"


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_words(item)
            for key, item in value.items()
            if not (key in _WITHIN and isinstance(item, str))
        }
    return [_without_words(item) for item in value] if isinstance(value, list) else value
