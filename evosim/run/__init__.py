"""One run: its loop, its folder, its worker processes; resume and fork.

The public function :func:`evosim.run` has the name of this package, so the package can be
called: it is that function then, whichever of the two was imported first.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The public function: see :func:`evosim.api.run`."""
        return import_module("evosim.api").run(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
