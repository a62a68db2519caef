"""Things by name: metrics, figures, analyses, operators, base optimizers; evosim's own and yours.

A decorator registers what it decorates (docs/extending.md). Built-ins do it when their modules are
imported, plugins when theirs are: an entry point of the group ``evosim.plugins`` names a module,
which is imported the first time that any registry is asked for a name, in whatever process that is.
"""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from evosim.errors import UNPRINTABLE, EvosimError, did_you_mean
from evosim.process import renewed_after_fork

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
Modules: TypeAlias = Callable[[], Sequence[str]]

GROUP = "evosim.plugins"
"""The group of entry points that names modules of plugins."""

_ELSEWHERE = (
    ". This is a worker process: it knows what plugins register (entry points of the group "
    f"{GROUP!r}), not what a script or a notebook does; give one worker, or make it a plugin "
    "(docs/extending.md)"
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a thing was defined, and by which plugin's distribution; empty: by none."""

    module: str
    name: str
    distribution: str

    def __str__(self) -> str:
        if self.module == "__main__":
            return f"{self.name} of this script or notebook"
        of = f" of {self.distribution}" if self.distribution else ""
        return f"{self.module}.{self.name}{of}"


class Registry(Generic[T]):
    """Things by name. Refuses collisions; an unknown name is answered with the known ones.

    Modules of built-ins are imported one after the other, until one has the name that is asked for;
    if none has it, all plugins are.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}
        self._places: dict[str, _Place] = {}
        self._modules: Modules = tuple  # of built-ins, by name
        self._imported: set[str] = set()

    def add(self, name: str, thing: T, defined: Any) -> None:
        """File a thing under a name.

        Args:
            defined: the function or class by which it was defined. Defined again in the same
                place, as when a notebook's cell is run again, it takes its own place.

        Raises:
            EvosimError: no name, or one that is taken.
        """
        check_name(self.kind, name)
        self._check_texts(name, thing)
        place = _place(defined)
        if place.module.partition(".")[0] != "evosim" and not _plugins.in_worker:
            self._import(lambda: False)  # what evosim has is refused; a worker need not import it
        before = self._places.get(name, place)
        if (before.module, before.name) != (place.module, place.name):
            raise EvosimError(
                f"{self.kind} {name!r} is registered twice: by {before}, and by {place}. "
                "Rename one of them"
            )
        self._things[name] = thing
        self._places[name] = place

    def _check_texts(self, name: str, thing: Any) -> None:
        """Refuse labels, units and descriptions that cannot be printed and drawn as they stand."""
        names = [field.name for field in fields(thing)] if is_dataclass(thing) else []
        for what in names:
            text = getattr(thing, what)
            if isinstance(text, str) and (found := UNPRINTABLE.search(text)):
                raise EvosimError(
                    f"{self.kind} {name!r}: {what} holds U+{ord(found[0]):04X} at position "
                    f"{found.start()} (got {text!r}, allowed text on one line without control "
                    "characters)"
                )

    def built_in(self, modules: Modules) -> Modules:
        """A decorator of the function that names the modules of the built-in things, in the order
        in which the things are listed."""
        self._modules = modules
        return modules

    @property
    def modules(self) -> Sequence[str]:
        """The modules that register the built-in things, imported or not."""
        return self._modules()

    def names(self, without: Collection[str] = (), *, plugins: bool = True) -> list[str]:
        """The names, but for those of some modules, or of plugins: these are not imported for it.

        Args:
            without: modules by name.
        """
        self._import(lambda: False, without)
        if plugins:
            _plugins.load()
        modules = {name: place.module for name, place in self._places.items()}
        return [
            name
            for name in self._things
            if modules[name] not in without and (plugins or _ours(modules[name]))
        ]

    def __getitem__(self, name: str) -> T:
        """The thing of that name.

        Raises:
            EvosimError: no such name; the message lists the known ones and the nearest. Or a plugin
                that cannot be imported.
        """
        if name not in self:
            raise EvosimError(self.unknown(name))
        return self._things[name]

    def unknown(self, name: str) -> str:
        """What to answer to a name that is not known."""
        where = _ELSEWHERE if _plugins.in_worker else ""
        return f"unknown {self.kind} {name!r}: {did_you_mean(name, self._known())}{where}"

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False

        def ours() -> bool:
            return name in self._things and _ours(self._places[str(name)].module)

        if not ours():  # whoever needs one built-in needs no other
            self._import(ours)
            _plugins.load()
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def _known(self) -> Mapping[str, T]:
        self._import(lambda: False)
        _plugins.load()
        return self._things

    def _import(self, enough: Callable[[], bool], without: Collection[str] = ()) -> None:
        """Import modules of built-ins that are not imported, one by one until it is enough."""
        with _plugins.lock:
            modules = self._modules()
            left = [m for m in modules if m not in self._imported and m not in without]
            for module in left:
                if enough():
                    return
                # Noted first, as a module may ask for a name while it is imported.
                self._imported.add(module)
                try:
                    import_module(module)
                except BaseException:
                    self._imported.discard(module)
                    raise
            if left:
                rank = {name: n for n, name in enumerate(modules)}
                last = len(rank)
                order = sorted(self._places, key=lambda n: rank.get(self._places[n].module, last))
                self._things = {name: self._things[name] for name in order}


class _Plugins:
    """The plugins of this process."""

    def __init__(self) -> None:
        self.importing = ""  # whose distribution, while a plugin is imported
        self.in_worker = False
        self.versions: dict[str, str] | None = None  # by distribution, once all are imported
        self.lock = threading.RLock()

    def load(self) -> None:
        """Import all plugins, unless they are; one that asks a registry meanwhile is answered.

        Raises:
            EvosimError: one cannot be imported. It is tried again the next time.
        """
        if self.versions is None:
            with self.lock:
                self._load()

    def _load(self) -> None:
        if self.versions is None and not self.importing:
            from importlib.metadata import entry_points

            found = {}
            for point in sorted(entry_points(group=GROUP), key=lambda p: (_called(p), p.name)):
                self._import(point)
                if point.dist is not None:
                    found[point.dist.name] = point.dist.version
            self.versions = found

    def _import(self, point: EntryPoint) -> None:
        self.importing = _called(point)
        try:
            point.load()
        except (Exception, SystemExit) as error:
            raise EvosimError(
                f"plugin {point.name!r} of {self.importing} ({point.value}) cannot be imported: "
                f"{error_text(error)}. Mend it, or uninstall the distribution"
            ) from error
        finally:
            self.importing = ""


def _place(defined: Any) -> _Place:
    module = getattr(defined, "__module__", type(defined).__module__) or "__main__"
    name = getattr(defined, "__qualname__", type(defined).__qualname__)
    # A plugin may be the first to import what is ours.
    return _Place(module, name, "" if _ours(module) else _plugins.importing)


def _ours(module: str) -> bool:
    return module.partition(".")[0] in ("evosim", "deap")


def _called(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"


def error_text(error: BaseException) -> str:
    """What was raised, and by which line of which file."""
    if isinstance(error, EvosimError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f" ({last.filename}:{last.lineno})" if "importlib" not in last.filename else ""
    return f"{type(error).__name__}: {error}{where}"


_plugins = _Plugins()
renewed_after_fork(_plugins.lock)


def plugins() -> dict[str, str]:
    """The version of every distribution that a plugin is of, by its name.

    Raises:
        EvosimError: a plugin cannot be imported.
    """
    _plugins.load()
    return dict(_plugins.versions or {})


def in_worker() -> None:
    """Note that this process works for another one, so that errors about names can say so."""
    _plugins.in_worker = True


def check_name(kind: str, name: Any) -> None:
    """Refuse what is not a name.

    Raises:
        EvosimError: it is no text, or not of letters and digits.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise EvosimError(
            f"{kind} {name!r}: not a name (allowed: letters, digits and '_', "
            "beginning with a letter)"
        )


def origin(function: Any) -> str:
    """Where a function is from, in brackets after its name; empty of evosim's own."""
    module = _place(function).module
    if _ours(module):
        return ""
    return " (from this script or notebook)" if module == "__main__" else f" (from module {module})"


@contextmanager
def calling(what: str, function: Any) -> Iterator[None]:
    """While a function is called that may be a plugin's: name it in whatever it raises.

    Errors of evosim's own functions are not touched.

    Raises:
        EvosimError: with the original as its cause.
    """
    try:
        yield
    except EvosimError:
        raise
    except (Exception, SystemExit) as error:  # sys.exit would end evosim without a word
        if not (where := origin(function)):
            raise
        raise EvosimError(f"{what}{where}: {error_text(error)}") from error


def check_call(what: str, function: Any, *arguments: str, **keywords: Any) -> None:
    """Refuse what cannot be called in the way that evosim will call it.

    Args:
        what: it is, for the error: kind and name.
        arguments: names of the positional ones.
        keywords: given by keyword.

    Raises:
        EvosimError: it cannot be called so.
    """
    wanted = ", ".join([*arguments, *(f"{name}=..." for name in keywords)])
    if not callable(function):
        raise EvosimError(f"{what}: not a function (got {function!r}, needed: one of ({wanted}))")
    try:
        signature = inspect.signature(function)
    except ValueError:  # written in C: nothing is known of it
        return
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        raise EvosimError(
            f"{what}: {getattr(function, '__qualname__', function)}{signature} cannot be called "
            f"with ({wanted}): {error}"
        ) from None
