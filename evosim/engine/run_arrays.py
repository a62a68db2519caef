"""The data of a run as labelled numpy arrays: what its summary and the built-in figures read.

xarray imports pandas at once, and dask when it makes its first variable: a second of processor time
and 80 MB, which a run does without. :class:`RunArrays` answers as an :class:`xarray.Dataset`, as
far as they ask: ``data[name]``, ``in``, ``sizes``, ``attrs``, ``coords``, ``sel`` and ``isel``; and
of a variable also ``dims``, ``transpose``, ``mean`` and ``sum`` over named dimensions, ``values``.
Any other attribute or method is that of xarray; there are no operators, slices or places in
brackets: use ``values``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

_KEPT = 2**25  # bytes; of a larger variable what is used is read, and nothing kept


@dataclass(frozen=True, eq=False)
class LabelledArray:
    """A variable of a run or a part of it, read when its values are asked for.

    Attributes:
        source: what is read from: an array, or a variable of a file.
        at: by dimension of the source, where to read: a place, or several; all if missing.
        dims: the dimensions that are left, in order.
        labels: by dimension, what stands along it in the source.
    """

    source: Any
    source_dims: tuple[str, ...]
    dims: tuple[str, ...]
    labels: Mapping[str, NDArray[Any]]
    at: Mapping[str, int | NDArray[np.intp]] = field(default_factory=dict)

    @cached_property
    def values(self) -> NDArray[Any]:
        """The numbers or texts."""
        at = {dim: self.at.get(dim, slice(None)) for dim in self.source_dims}
        lists = {dim: places for dim, places in at.items() if isinstance(places, np.ndarray)}
        # HDF5 takes a list for one dimension only, and only in rising order.
        read = tuple(slice(None) if dim in lists else places for dim, places in at.items())
        found = np.asarray(self.source[read])
        if found.dtype.kind == "O":
            found = found.astype(str)
        left = [dim for dim in self.source_dims if dim in self.dims]
        for dim, places in lists.items():
            found = np.take(found, places, left.index(dim))
        return found.transpose([left.index(dim) for dim in self.dims])

    @property
    def sizes(self) -> dict[str, int]:
        """The length of each dimension."""
        return {dim: len(self._places(dim)) for dim in self.dims}

    def isel(self, **places: Any) -> LabelledArray:
        """The part at some places: by dimension a number, which ends the dimension, or several."""
        chosen = {dim: self._places(dim)[place] for dim, place in places.items()}
        return replace(
            self,
            dims=tuple(d for d in self.dims if d not in chosen or chosen[d].ndim),
            at={**self.at, **{dim: p if p.ndim else int(p) for dim, p in chosen.items()}},
        )

    def sel(self, **labels: Any) -> LabelledArray:
        """The part with some labels: by dimension one, which ends the dimension, or a list.

        Raises:
            KeyError: there is no such label.
        """
        places = {}
        for dim, wanted in labels.items():
            known = {label: n for n, label in enumerate(self._labels(dim).tolist())}
            several = isinstance(wanted, list | tuple | np.ndarray)
            places[dim] = [known[label] for label in wanted] if several else known[wanted]
        return self.isel(**places)

    def transpose(self, *dims: str) -> LabelledArray:
        """With its dimensions in this order."""
        return replace(self, dims=dims)

    def mean(self, dims: str | list[str]) -> LabelledArray:
        """The mean over some dimensions of what is not NaN."""
        return self._over(np.nanmean, dims)

    def sum(self, dims: str | list[str]) -> LabelledArray:
        """The sum over some dimensions of what is not NaN."""
        return self._over(np.nansum, dims)

    def _over(self, function: Callable[..., Any], dims: str | list[str]) -> LabelledArray:
        over = [dims] if isinstance(dims, str) else dims
        axes = tuple(self.dims.index(dim) for dim in over)
        left = tuple(dim for dim in self.dims if dim not in over)
        # One number where there are several axes, so that the order of summing is xarray's.
        found = function(self.values, axis=axes if len(axes) > 1 else axes[0])
        return LabelledArray(found, left, left, {dim: self._labels(dim) for dim in left})

    def _places(self, dim: str) -> NDArray[np.intp]:
        n = self.source.shape[self.source_dims.index(dim)]
        return np.asarray(self.at.get(dim, np.arange(n)))

    def _labels(self, dim: str) -> NDArray[Any]:
        places = self._places(dim)
        return self.labels[dim][places] if dim in self.labels else places

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.values, dtype)

    def __len__(self) -> int:
        return len(self._places(self.dims[0]))

    def __int__(self) -> int:
        return int(self.values)

    def __float__(self) -> float:
        return float(self.values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        import xarray as xr

        labels = {dim: self._labels(dim) for dim in self.dims if dim in self.labels}
        return getattr(xr.DataArray(self.values, labels, self.dims), name)


@dataclass(frozen=True, eq=False)
class RunArrays:
    """The variables of a run by name, or a part of each of them.

    Attributes:
        variables: by name.
        coords: those of them that label a dimension.
        attrs: of the whole.
        whole: opens all of it with xarray.
    """

    variables: Mapping[str, LabelledArray]
    coords: Mapping[str, LabelledArray]
    attrs: Mapping[str, Any]
    whole: Callable[[], xr.Dataset]

    def __getitem__(self, name: str) -> LabelledArray:
        return self.variables[name]

    def __contains__(self, name: object) -> bool:
        return name in self.variables

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    @property
    def sizes(self) -> dict[str, int]:
        """The length of each dimension."""
        return {dim: n for one in self.variables.values() for dim, n in one.sizes.items()}

    def isel(self, **places: Any) -> RunArrays:
        """See :meth:`LabelledArray.isel`; variables without a dimension are left as they are."""
        return self._part(LabelledArray.isel, places, lambda d: d.isel(**places))

    def sel(self, **labels: Any) -> RunArrays:
        """See :meth:`LabelledArray.sel`; variables without a dimension are left as they are."""
        return self._part(LabelledArray.sel, labels, lambda d: d.sel(**labels))

    def _part(
        self,
        choose: Callable[..., LabelledArray],
        where: Mapping[str, Any],
        of_whole: Callable[[xr.Dataset], xr.Dataset],
    ) -> RunArrays:
        def part(one: LabelledArray) -> LabelledArray:
            here = {dim: place for dim, place in where.items() if dim in one.dims}
            return choose(one, **here) if here else one

        variables = {name: part(one) for name, one in self.variables.items()}
        coords = {name: variables[name] for name in self.coords}
        return RunArrays(variables, coords, self.attrs, lambda: of_whole(self.whole()))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.whole(), name)


@contextmanager
def opened(path: Path, whole: Callable[[], xr.Dataset] | None = None) -> Iterator[RunArrays]:
    """The data in a file run.nc, while the block lasts.

    Args:
        path: of the file.
        whole: opens it with xarray; ``xarray.open_dataset`` if None.

    Raises:
        OSError, ValueError, KeyError, RuntimeError: the file is damaged; also where it is read.
    """
    import h5netcdf

    with h5netcdf.File(path, "r") as file:
        labels = {n: _read(v) for n, v in file.variables.items() if v.dimensions == (n,)}
        variables = {}
        for name, variable in file.variables.items():
            dims = tuple(variable.dimensions)
            size = int(np.prod(variable.shape)) * variable.dtype.itemsize
            source = _Once(variable) if size <= _KEPT else variable
            variables[name] = LabelledArray(source, dims, dims, labels)
        attrs = dict(file.attrs)
        named = {*labels, *str(attrs.pop("coordinates", "")).split()}
        coords = {name: variables[name] for name in variables if name in named}
        yield RunArrays(variables, coords, attrs, whole or (lambda: _with_xarray(path)))


_PATIENCE = 60.0  # seconds for a look into a damaged file


def unreadable_variables(path: Path) -> list[str]:
    """The variables of a damaged run.nc that are known to be damaged, each by its checksum of HDF5.

    Another process looks, as a damaged file can bring HDF5 to end the process that opens it.
    """
    look = "import sys; from evosim.engine.run_arrays import print_unreadable as p; p(sys.argv[1])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", look, str(path)], stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    return done.stdout.split()


def print_unreadable(path: str) -> None:
    """Print the name of each variable of a file that cannot be read."""
    import h5py

    with h5py.File(path, "r") as file:
        for name in file:
            try:
                _ = file[name][...]
            except (OSError, ValueError, KeyError, RuntimeError):
                print(name, flush=True)


def _with_xarray(path: Path) -> xr.Dataset:
    import xarray as xr

    return xr.open_dataset(path, engine="h5netcdf")


def _read(variable: Any) -> NDArray[Any]:
    values = np.asarray(variable[...])
    return values.astype(str) if values.dtype.kind == "O" else values


class _Once:
    """A variable of a file that is read as a whole, when it is used first, and kept."""

    def __init__(self, variable: Any) -> None:
        self._variable = variable
        self.shape = variable.shape

    @cached_property
    def _values(self) -> NDArray[Any]:
        return _read(self._variable)

    def __getitem__(self, at: Any) -> Any:
        return self._values[at]
