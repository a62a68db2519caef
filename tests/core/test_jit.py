"""The cache of compiled code: kept outside the package, recovers from damage by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ONE_KERNEL = """
import numpy as np
from evosim.core import jit, rng
said = []
jit.warm_up(lambda: rng.draw(np.uint64(1234567), np.uint64(0)), said.append)
print(int(rng.draw(np.uint64(1234567), np.uint64(0))), len(said), jit.CACHE)
"""


def run(cache: Path) -> tuple[int, int, Path]:
    """The number drawn, how many announcements were made, and the cache folder."""
    env = {**os.environ, "EVOSIM_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", ONE_KERNEL], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    number, said, folder = done.stdout.split(maxsplit=2)
    return int(number), int(said), Path(folder.strip())


@pytest.mark.parametrize("suffix", ["*.nbc", "*.nbi"])
@pytest.mark.parametrize("left", [0, 40])
def test_a_truncated_cache_is_made_anew(tmp_path: Path, suffix: str, left: int) -> None:
    number, announced, folder = run(tmp_path)
    assert (number, announced) == (6457827717110365317, 1)
    assert folder.is_relative_to(tmp_path)
    assert run(tmp_path)[:2] == (number, 0)
    for path in folder.rglob(suffix):
        path.write_bytes(path.read_bytes()[:left])
    assert run(tmp_path)[0] == number
    assert run(tmp_path)[:2] == (number, 0)


@pytest.mark.parametrize(
    "edited_file", ["core/exact.py", "core/rng.py", "rng.py", "mechanisms/novelty/kernels.py"]
)
def test_an_edited_kernel_has_another_cache(
    edited_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evosim.core import jit

    before = jit._source_hash()
    original = Path.read_bytes
    package = Path(jit.__file__).parents[1]

    def edited(path: Path) -> bytes:
        return original(path) + (b"# edit" if path == package / edited_file else b"")

    monkeypatch.setattr(Path, "read_bytes", edited)
    assert jit._source_hash() != before


def test_every_file_that_kernels_are_made_of_counts_for_the_cache() -> None:
    from evosim.core import jit

    package = Path(jit.__file__).parents[1]
    kernels = {
        path
        for path in [*(package / "core").glob("*.py"), *(package / "mechanisms").rglob("*.py")]
        if re.search(r"^(@|\w+ = )(kernel|inlined|allocating)\b", path.read_text(), re.MULTILINE)
    }
    imported = {
        package.parent / (name.replace(".", "/") + ".py")
        for path in kernels
        for name in re.findall(r"^from (evosim\.[\w.]+) import", path.read_text(), re.MULTILINE)
    }
    assert len(kernels) == 8
    assert kernels | imported <= set(jit.sources())


def test_a_cache_that_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    number, _, folder = run(blocked)
    assert number == 6457827717110365317
    assert not folder.is_relative_to(blocked)
