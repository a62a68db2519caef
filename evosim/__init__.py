"""evosim: an evolutionary sandbox for inner alignment.

    >>> import evosim
    >>> run = evosim.run("contraception", seed=1)       # doctest: +SKIP
    >>> print(run.verdict)                              # doctest: +SKIP
    >>> run.data.genome, run.summary, run.plot.flip()  # doctest: +SKIP

docs/python.md is a tour. The public names are in ``__init__.pyi``; ``help(evosim.run)`` explains
one. Each is imported when it is first asked for.
"""

from typing import Any

import lazy_loader

_lazy, __dir__, _names = lazy_loader.attach_stub(__name__, __file__)

__all__ = [*_names, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("evosim")
    if name in _names:
        return _lazy(name)
    raise AttributeError(f"module 'evosim' has no attribute {name!r}")
