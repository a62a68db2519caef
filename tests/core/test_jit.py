"""The cache of compiled code: kept outside the package, recovers from damage by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from evosim.core import cache

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
    assert len(kernels) == 13
    assert kernels | imported <= set(jit.sources())


def test_a_cache_that_cannot_be_written_is_replaced(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    number, _, folder = run(blocked)
    assert number == 6457827717110365317
    assert not folder.is_relative_to(blocked)
    assert not folder.exists()  # it was of that process alone


def test_no_folder_of_a_name_that_others_can_foresee_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    first, second = cache.cache_folder("abc"), cache.cache_folder("abc")
    assert first.folder.parents[1] != second.folder.parents[1] or second.remark == ""
    assert first.folder.parents[1].stat().st_mode & 0o777 == 0o700
    assert "cannot write to" in first.remark
    # Worker processes take the same one.
    assert os.environ[cache.VARIABLE] == str(first.folder.parents[1])
    assert second == cache.Cache(first.folder)


@pytest.mark.parametrize("which", ["folder", "numba", "base"])
@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_that_others_can_write_to_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, mode: int
) -> None:
    monkeypatch.setattr(cache, "_of_one_user", lambda gid: gid == tmp_path.stat().st_gid)
    folder = tmp_path / "numba" / "abc"
    folder.mkdir(parents=True, mode=0o700)
    open_one = {"folder": folder, "numba": folder.parent, "base": tmp_path}[which]
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    assert cache.cache_folder("abc") == (folder, "")
    open_one.chmod(mode)
    taken, remark = cache.cache_folder("abc")
    if mode == 0o775 and which != "folder":  # open to a group of this user alone
        assert (taken, remark) == (folder, "")
    else:
        assert taken != folder
        assert f"{open_one} can be written to by others" in remark
    open_one.chmod(0o1777)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    assert (cache.cache_folder("abc").folder == folder) == (which != "folder")


@pytest.mark.parametrize(
    ("members", "first_group_of", "called", "alone"),
    [
        ([], ["me"], "me", True),
        (["me"], ["me"], "me", True),
        (["you"], ["me"], "me", False),
        ([], ["me", "you"], "me", False),
        ([], ["me"], "users", False),
        ([], ["me"], None, False),
    ],
)
def test_only_a_group_of_this_user_alone_counts(
    monkeypatch: pytest.MonkeyPatch,
    members: list[str],
    first_group_of: list[str],
    called: str | None,
    alone: bool,
) -> None:
    def group(gid: int) -> SimpleNamespace:
        if called is None:
            raise KeyError(gid)
        return SimpleNamespace(gr_name=called, gr_mem=members)

    users = [SimpleNamespace(pw_name=name, pw_gid=7) for name in first_group_of]
    monkeypatch.setattr("grp.getgrgid", group)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: users[0])
    monkeypatch.setattr("pwd.getpwall", lambda: users)
    assert cache._of_one_user(7) == alone


def test_what_is_made_is_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "a" / "b"))
    before = os.umask(0o002)
    try:
        folder, remark = cache.cache_folder("abc")
    finally:
        os.umask(before)
    assert (folder, remark) == (tmp_path / "a" / "b" / "numba" / "abc", "")
    for path in (folder, *folder.parents):
        if path == tmp_path:
            break
        assert path.stat().st_mode & 0o777 == 0o700


def test_the_home_of_a_user_whom_nobody_knows_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(cache.VARIABLE, "~no-such-user-here/x")
    folder, remark = cache.cache_folder("abc")
    assert folder.is_dir()
    assert remark.startswith("EVOSIM_CACHE_DIR=~no-such-user-here/x: there is no such home folder")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("which", ["folder", "numba"])
def test_a_folder_of_another_user_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    folder = tmp_path / "numba" / "abc"
    folder.mkdir(parents=True, mode=0o700)
    os.chown({"folder": folder, "numba": folder.parent}[which], 12345, 12345)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    taken, remark = cache.cache_folder("abc")
    assert taken != folder
    assert "belongs to another user (number 12345)" in remark


def test_a_link_is_not_taken_for_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "numba").mkdir(mode=0o700)
    (tmp_path / "numba" / "abc").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    taken, remark = cache.cache_folder("abc")
    assert not taken.is_relative_to(tmp_path)
    assert "is a link" in remark


def test_what_others_read_is_left_to_them_when_a_cache_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "core").mkdir()
    files = [tmp_path / "core" / name for name in ("a.nbi", "a.nbc", "b.tmp")]
    for file in files:
        file.write_bytes(b"compiled")
    with files[1].open("rb") as read:
        cache.clear(tmp_path)
        assert read.read() == b"compiled"
    assert [file.exists() for file in files] == [False, False, True]


def test_the_folder_of_the_users_own_numba_code_stays(tmp_path: Path) -> None:
    code = (
        "import os, numba, evosim.core\n"
        "from evosim.core import plan\n"
        "print(os.environ['NUMBA_CACHE_DIR'], numba.config.CACHE_DIR)\n"
        "print(plan.improve._cache.cache_path)\n"
    )
    env = {**os.environ, "NUMBA_CACHE_DIR": "/mine", cache.VARIABLE: str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True,
                          check=True)  # fmt: skip
    users, ours = done.stdout.splitlines()
    assert users == "/mine /mine"
    assert Path(ours).is_relative_to(tmp_path)
