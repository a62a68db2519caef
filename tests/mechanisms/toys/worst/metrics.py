"""What the toy adds to summaries."""

from __future__ import annotations

from typing import Any


def summary(dataset: Any, scenario: Any, bootstrap: Any) -> dict[str, float]:
    return {"gap": float(dataset["gap"].values.mean())}


def describe(summary: Any) -> str:
    return f"Worst levels: {summary['worst']['gap']:.2f} below the mean"
