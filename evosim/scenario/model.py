"""What all models of a scenario file are built on."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from evosim.scenario.values import Text


class Model(BaseModel):
    """A part of a scenario: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Operator(BaseModel):
    """A DEAP operator by name; further keys are its keyword arguments."""

    model_config = ConfigDict(frozen=True, extra="allow")

    operator: Text = Field(description="Name of the operator in deap.tools.")

    @property
    def options(self) -> dict[str, Any]:
        """The operator's keyword arguments, as written."""
        return dict(self.model_extra or {})
