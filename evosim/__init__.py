"""evosim: an evolutionary sandbox for inner alignment.

    >>> import evosim
    >>> run = evosim.run("contraception", seed=1)       # doctest: +SKIP
    >>> print(run.verdict)                              # doctest: +SKIP
    >>> run.data.genome, run.summary, run.plot.flip()  # doctest: +SKIP

docs/python.md is a tour. The public names are in ``__init__.pyi``; ``help(evosim.run)`` explains
one. Each is imported when it is first asked for.
"""

import logging
from typing import Any

import lazy_loader

_lazy, __dir__, _names = lazy_loader.attach_stub(__name__, __file__)

__all__ = [*_names, "__version__"]

# What a library logs is silent until the program that uses it asks for it.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        from evosim.errors import DISTRIBUTION

        return version(DISTRIBUTION)
    if name in _names:
        from evosim.process import supported

        supported()
        return _lazy(name)
    raise AttributeError(f"module 'evosim' has no attribute {name!r}")
