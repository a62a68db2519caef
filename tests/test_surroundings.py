"""What the surroundings refuse: places that cannot be used, streams that cannot be printed to,
users without a home, terminals without a width. Each is told with its cause, none with a traceback.
"""

from __future__ import annotations

import ast
import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from processes import call

import evosim
from evosim.cli import cli
from evosim.core import cache
from evosim.engine import folders
from evosim.engine.files import as_json, beside, exists, explain, is_folder
from evosim.engine.provenance import now
from evosim.errors import EvosimError, RunError, printable, seed_number
from evosim.execution.output import NARROWEST, USUAL, Lenient, console
from evosim.execution.progress import Lines, Progress, progress
from evosim.testing import TINY, tiny

PACKAGE = Path(evosim.__file__).parent
SETTINGS = {"evolution.population": 6, "measure.sample": 2, "verdict.resamples": 20}
LONG = "a" * 300
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs a command in this process, in tmp_path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)

    def call(*words: object, **env: str) -> Result:
        return CliRunner(env=env).invoke(cli, [str(word) for word in words], prog_name="evosim")

    return call


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete small run without figures; to be read only."""
    out = tmp_path_factory.mktemp("surroundings") / "run"
    return small(out).path


def small(out: str | Path) -> evosim.Run:
    return evosim.run(tiny(SETTINGS), seed=1, out=out, figures=False, workers=1, command="test")


def refused(done: Result, *said: str, code: int = 2) -> None:
    """Asserts that a command failed in words, on stderr."""
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr


# --- places ---------------------------------------------------------------------------------


WRITING = (
    ("run", "tiny.toml", "--out", "{}"),
    ("fork", "RUN", "--at", "3", "--out", "{}"),
    ("plot", "RUN", "genes", "--out", "{}"),
    ("replay", "RUN", "--out", "{}.gif"),
    ("analyse", "RUN", "leakage", "--out", "{}"),
    ("export", "RUN", "--tensors", "{}.npz"),
    ("study", "run", "drift_population", "--out", "{}"),
    ("run", "strawberry", "--arms", "--out", "{}"),
    ("new", "{}.toml"),
    ("study", "new", "{}.toml"),
    ("schema", "--out", "{}.json"),
)
READING = (
    ("resume", "{}"), ("fork", "{}", "--at", "1"), ("plot", "{}"), ("replay", "{}"),
    ("analyse", "{}"), ("compare", "{}", "RUN"), ("export", "{}", "--trees", "x.trees"),
    ("export", "{}", "--tensors", "x.npz"), ("study", "status", "{}"), ("study", "summary", "{}"),
    ("study", "export", "{}", "x.csv"), ("study", "reindex", "{}"), ("show", "{}"),
)  # fmt: skip


def filled(words: tuple[str, ...], place: str, run: Path) -> list[str]:
    return [str(run) if word == "RUN" else word.replace("{}", place) for word in words]


@pytest.mark.parametrize("words", WRITING + READING, ids=" ".join)
def test_a_name_that_is_too_long_is_told(invoke: Invoke, run: Path, words: tuple[str, ...]) -> None:
    refused(invoke(*filled(words, LONG, run)), "File name too long")


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_a_file_in_the_way_of_a_folder_is_told(
    invoke: Invoke, run: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("")
    done = invoke(*filled(words, "file/x", run))
    refused(done)
    known = ("a file is in the way", "is a file and no folder")
    assert any(said in done.stderr for said in known), done.stderr


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder ``locked`` that may not be searched, whoever runs the tests."""
    (tmp_path / "locked").mkdir()

    def refusing(function: Any) -> Any:
        def call(path: Any, *more: Any, **options: Any) -> Any:
            if not isinstance(path, int) and "locked/" in os.fspath(path):
                raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
            return function(path, *more, **options)

        return call

    for module, name in ((os, "stat"), (os, "listdir"), (os, "mkdir"), (os, "open")):
        monkeypatch.setattr(module, name, refusing(getattr(module, name)))
    for name in ("builtins.open", "io.open"):
        monkeypatch.setattr(name, refusing(io.open))
    monkeypatch.setattr(
        os,
        "access",
        lambda path, mode, was=os.access: was(path, mode) and "locked" not in str(path),
    )


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("words", WRITING + READING, ids=" ".join)
def test_a_folder_that_may_not_be_searched_is_told(
    invoke: Invoke, run: Path, words: tuple[str, ...]
) -> None:
    done = invoke(*filled(words, "locked/x", run))
    refused(done, "Permission denied")
    if words[0] != "show":
        assert "you may not search the folder locked" in done.stderr


def test_a_real_folder_that_may_not_be_searched_is_told(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked").chmod(0)
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:  # paths are made absolute, so others have to get here
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    code = """
import os
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
from evosim.cli import main
main()
"""
    try:
        for words in (
            ("resume", "locked/x"),
            ("study", "status", "locked/x"),
            ("new", "locked/x.toml"),
            ("export", "locked/x", "--tensors", "x.npz"),
        ):
            done = call(tmp_path, *words, code=code)
            if "ModuleNotFoundError" in done.stderr:
                pytest.skip("Python itself is in a folder that others may not search")
            assert done.returncode == 2, done.stderr
            assert "(you may not search the folder locked)" in done.stderr
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_from_python_it_is_an_error_of_evosim(run: Path, tmp_path: Path) -> None:
    for call_ in (
        lambda: evosim.run(tiny(), out=tmp_path / LONG),
        lambda: evosim.resume(tmp_path / LONG),
        lambda: evosim.open_run(tmp_path / LONG),
        lambda: evosim.open_study(tmp_path / LONG),
        lambda: evosim.open_experiment(tmp_path / LONG),
        lambda: evosim.fork(run, 3, out=tmp_path / LONG),
        lambda: evosim.analyse(run, "leakage", out=tmp_path / LONG),
        lambda: evosim.open_run(run).plot("genes", folder=tmp_path / LONG),
        lambda: evosim.export_tensors(run, tmp_path / f"{LONG}.npz"),
    ):
        with pytest.raises(EvosimError, match="File name too long"):
            call_()
    for call_ in (lambda: evosim.open_run("a\0b"), lambda: evosim.resume("a\0b")):
        with pytest.raises(EvosimError, match=r"a\\x00b.*: not a path"):
            call_()


def test_no_part_asks_for_a_file_but_where_a_refusal_is_told() -> None:
    """``Path.exists`` raises where a folder may not be searched; ``engine.files`` tells it."""
    asking = {"exists", "is_dir", "is_file"}
    for part in ("engine", "api", "plot", "study", "execution"):
        for path in sorted((PACKAGE / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    assert node.func.attr not in asking, f"{path}:{node.lineno}"


def test_the_longest_name_that_there_can_be_is_a_name(tmp_path: Path) -> None:
    done = small(tmp_path / ("é" * 127))
    assert done.complete
    assert len(os.fsencode(beside(done.path, "new").name)) < 100


def test_a_link_to_an_empty_folder_is_that_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    assert small(tmp_path / "link").complete
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty" / "run.nc").exists()


def test_a_link_to_nothing_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(RunError, match="is a link to what is not there; choose another place"):
        small(tmp_path / "link")


def test_a_mount_point_is_told_with_a_place_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    (tmp_path / "mount").mkdir()
    monkeypatch.setattr(folders.os, "replace", busy)
    with (
        pytest.raises(RunError, match=r"is a mount point.* name one in it: out=.*/mount/my-run"),
        folders.appearing(tmp_path / "mount"),
    ):
        pass
    assert os.listdir(tmp_path) == ["mount"]


def test_a_name_that_is_not_utf8_is_a_name(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = os.fsdecode(b"bad\xff")
    monkeypatch.setattr(sys, "argv", ["evosim", "run", "tiny.toml", "--out", place])
    shown = invoke("run", "tiny.toml", "--out", place, "--no-figures", "--seed", 1)
    assert shown.exit_code == 0, shown.output
    assert "bad\\udcff/run.nc" in shown.stdout
    (tmp_path / place / "run.json").read_bytes().decode("utf-8")
    done = evosim.open_run(tmp_path / place)
    assert place in done.manifest["command"]
    assert "bad\\udcff" in done.data.attrs["provenance"]
    child = evosim.fork(done, 3, out=tmp_path / f"{place}2", figures=["genes"])
    assert child.complete
    assert len(child.figures) == 2
    assert evosim.resume(child).complete
    assert evosim.analyse(child, "leakage").path.exists()
    assert str(done.path).encode("utf-8", "surrogateescape").endswith(b"\xff")


def test_json_holds_any_path() -> None:
    path = os.fsdecode(b"a\xff")
    assert json.loads(as_json({"path": path}).encode()) == {"path": path}
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(float("nan"))


def test_what_the_system_refuses_is_told_with_its_cause(tmp_path: Path) -> None:
    def told(number: int) -> str:
        return explain(OSError(number, os.strerror(number)), tmp_path / "x")

    assert "the disk is full" in told(errno.ENOSPC)
    assert "this file system is read-only" in told(errno.EROFS)
    assert "this folder is read-only for you" in told(errno.EACCES)
    assert "choose a shorter one" in told(errno.ENAMETOOLONG)
    assert not exists(tmp_path / "x")
    assert is_folder(tmp_path)


def test_names_in_errors_cannot_move_the_cursor(invoke: Invoke, tmp_path: Path) -> None:
    name = "a\x1b[31m\u202eb"
    for words in (("resume", name), ("check", f"{name}.toml"), ("show", name), ("plot", name),
                  ("compare", name), ("new", f"{name}/x.toml")):  # fmt: skip
        done = invoke(*words)
        assert "a\\u001b[31m\\u202eb" in done.stderr, done.output
        assert "\x1b" not in done.output
    with pytest.raises(RunError) as caught:
        evosim.open_run(tmp_path / name)
    assert str(caught.value).isprintable()
    assert printable("ok é\n\t") == "ok é\n\t"


# --- a run that one may only read -----------------------------------------------------------


def test_an_analysis_can_be_written_elsewhere(invoke: Invoke, run: Path, tmp_path: Path) -> None:
    before = sorted(run.rglob("*"))
    done = invoke("analyse", run, "heredity", "--out", "there")
    assert done.exit_code == 0, done.output
    files = [f"heredity.{suffix}" for suffix in ("json", "png", "svg")]
    assert sorted(os.listdir(tmp_path / "there")) == files
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize(
    "words", [("analyse", "RUN", "leakage"), ("analyse", "RUN"), ("plot", "RUN", "genes"),
              ("replay", "RUN")], ids=" ".join,
)  # fmt: skip
def test_a_run_that_one_may_only_read_names_the_option_that_helps(
    invoke: Invoke, run: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    import evosim.engine.files as files

    def read_only(path: Path, *_: object, **__: object) -> Any:
        error = PermissionError(errno.EACCES, "Permission denied")
        raise files.WriteError(explain(error, path)) from error

    monkeypatch.setattr(files, "replacing", read_only)
    refused(invoke(*filled(words, "", run)), "read-only for you); choose another place with --out")


# --- streams --------------------------------------------------------------------------------

CLOSED = """
import os, sys
for number in {closed}:
    os.close(number)
for number in {full}:
    os.dup2(os.open("/dev/full", os.O_WRONLY), number)
if 1 in {closed}: sys.stdout = None
if 2 in {closed}: sys.stderr = None
from evosim.cli import main
main()
"""
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def streams(*, closed: tuple[int, ...] = (), full: tuple[int, ...] = ()) -> str:
    return CLOSED.format(closed=closed, full=full)


@needs_full
@pytest.mark.parametrize("lost", [{"closed": (2,)}, {"full": (2,)}, {"closed": (0, 2)}], ids=str)
def test_a_run_needs_no_stderr(tmp_path: Path, lost: dict[str, tuple[int, ...]]) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    words = ("run", "tiny.toml", "--seed", "1", "--no-figures", "--workers", "1", "--out", "run")
    done = call(tmp_path, *words, code=streams(**lost))
    assert done.returncode == 0, done.stderr
    assert "run/summary.json" in done.stdout
    assert evosim.open_run(tmp_path / "run").data["score"].notnull().all()
    assert call(tmp_path, "show", "nothing", code=streams(**lost)).returncode == 2


@needs_full
@pytest.mark.parametrize(
    ("lost", "why"),
    [({"closed": (1,)}, "Bad file descriptor"), ({"full": (1,)}, "No space left on device")],
    ids=["closed", "full"],
)
def test_a_result_that_cannot_be_printed_is_an_error(
    run: Path, tmp_path: Path, lost: dict[str, tuple[int, ...]], why: str
) -> None:
    for words in (("list",), ("schema",), ("resume", run), ("--help",), ("check", "strawberry")):
        done = call(tmp_path, *words, code=streams(**lost))
        assert done.returncode == 2
        assert done.stderr == f"Error: cannot write to standard output: {why}\n"
    assert call(tmp_path, "resume", "--quiet", run, code=streams(**lost)).returncode == 0


def test_what_nobody_foresaw_of_the_system_is_told_in_a_line(tmp_path: Path) -> None:
    code = """
import evosim.describe
def broken(*_, **__): open("/proc/nothing/x")
evosim.describe.describe = broken
from evosim.cli import main
main()
"""
    done = call(tmp_path, "show", "strawberry", code=code)
    assert done.returncode == 2
    assert done.stderr == "Error: cannot use /proc/nothing/x: No such file or directory\n"


def test_without_stderr_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert type(progress()) is Progress
    progress().warn("lost")
    assert evosim.run is not None
    stream = Lenient(None)
    assert stream.write("abc") == 3
    assert not stream.isatty()


def test_an_encoding_that_lacks_a_character_gets_its_escape(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evosim", "study", "list"], cwd=tmp_path, capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


@pytest.mark.parametrize("width", ["0", "1", "7", "99999999999999999999"])
def test_a_table_is_printed_whatever_the_width_is_said_to_be(invoke: Invoke, width: str) -> None:
    shown = invoke("list", COLUMNS=width)
    assert shown.exit_code == 0, shown.output
    for name in evosim.catalogue():
        assert name in shown.stdout
    assert "Does it run?" in invoke("show", "tiny.toml", COLUMNS=width).stdout


def test_the_width_is_that_of_the_terminal_unless_it_is_absurd(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for columns, width in (("0", USUAL), ("5", NARROWEST), ("100", 100)):
        monkeypatch.setenv("COLUMNS", columns)
        assert console(io.StringIO()).width == width


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    with progress(file=out) as told:
        assert isinstance(told, Lines)
        told.note("a\x1b[2Jb [red]c")
    assert out.getvalue() == "a\\u001b[2Jb [red]c\n"


def test_a_dumb_terminal_is_shown_every_frame_of_a_replay(
    invoke: Invoke, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = invoke("replay", run, "--terminal").stdout
    shown = invoke("replay", run, "--terminal", "--speed", 1000, TERM="dumb", FORCE_COLOR="1")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("step") == plain.count("step") > 1


# --- users, numbers, variables --------------------------------------------------------------


def test_a_user_without_a_home_has_a_cache_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def homeless(*_: object) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("EVOSIM_CACHE_DIR", raising=False)
    monkeypatch.setattr(cache.platformdirs, "user_cache_dir", homeless)
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    assert cache.cache_folder("name").folder.is_relative_to(tmp_path)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True, "1", None])
def test_a_seed_that_is_none_is_refused_everywhere(seed: Any) -> None:
    from evosim import world
    from evosim.describe import describe

    scenario = tiny()
    calls = [
        lambda: seed_number(seed),
        lambda: evosim.export_tensors(scenario, "x.npz", level_seed=seed),
        lambda: list(describe(scenario, seed=seed)),
        lambda: world.draw_levels(scenario, "before", [seed]),
        lambda: evosim.Iteration(scenario, seed),
    ]
    if seed is not None:  # which stands for one that is drawn
        calls += [
            lambda: evosim.run(scenario, seed=seed, out="x"),
            lambda: evosim.simulate(scenario, seed=seed),
            lambda: evosim.iterate(scenario, seed=seed),
            lambda: evosim.run_study("drift_population", seed=seed, out="x"),
        ]
    for one in calls:
        with pytest.raises(EvosimError, match=r"not a seed \(allowed a whole number from 0 to"):
            one()
    assert seed_number(2**64 - 1) == 2**64 - 1


@pytest.mark.parametrize("option", [("show", "strawberry", "--seed"),
                                    ("run", "tiny.toml", "--seed"),
                                    ("study", "run", "drift_population", "--seed"),
                                    ("export", "tiny.toml", "--tensors", "x.npz", "--level-seed")],
                         ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("seed", ["-1", str(2**64), "x"])
def test_a_seed_that_is_none_is_refused_as_an_option(
    invoke: Invoke, option: tuple[str, ...], seed: str
) -> None:
    refused(invoke(*option, seed), f"Invalid value for '{option[-1]}'")


@pytest.mark.parametrize("given", ["99999999999999999", "-99999999999999999", "yesterday", "1e3"])
def test_a_time_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, invoke: Invoke, given: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    refused(invoke("list"), f"SOURCE_DATE_EPOCH={given}: not a time")  # libraries read it too
    with pytest.raises(EvosimError, match=f"SOURCE_DATE_EPOCH={given}: not a time"):
        now()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert now() == "1970-01-02T00:00:00+00:00"


@pytest.mark.parametrize("value", ["²", "-1", "1.5", "first"])
def test_an_individual_is_a_number_or_a_word(invoke: Invoke, run: Path, value: str) -> None:
    refused(invoke("replay", run, "-i", value), "is neither a number from 0, nor best, nor median")


@pytest.mark.parametrize(
    ("key", "value"),
    [("mutate.mu", 1e308), ("mutate.mu", -101), ("mutate.sigma", 1e300), ("mutate.sigma", 10**15),
     ("select.tournsize", 10**12)],
)  # fmt: skip
def test_numbers_of_operators_that_overflow_are_refused(key: str, value: float) -> None:
    from evosim import evolution

    (problem,) = evolution.check(tiny({f"evolution.{key}": value}))
    assert problem.key == f"evolution.{key}"
    assert problem.message.startswith("not a possible value")


# --- words with marks of other languages ----------------------------------------------------

WORDS = r"[red]b[/] $x_1$ $ <b>&amp;</b> \alpha %s | `c` *d* :smile: ארוחה وجبة " + "W" * 90
"""Marks of rich, of matplotlib's formulas, HTML and TeX, from right to left, and a long word."""


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> evosim.Run:
    """A run of a scenario whose words are full of marks, with its figures; to be read only."""
    titles = ("environments.before.title", "environments.after.title")
    words = dict.fromkeys(("title", "question", "claim", *titles), WORDS)
    scenario = tiny(SETTINGS | words)
    return evosim.run(scenario, seed=1, out=tmp_path_factory.mktemp("marked") / "run", workers=1)


def test_words_are_printed_as_they_stand(invoke: Invoke, marked: evosim.Run) -> None:
    scenario = marked.path / "scenario.toml"
    for words in (("show", scenario), ("replay", marked.path, "--terminal")):
        shown = invoke(*words, COLUMNS="900")
        assert shown.exit_code == 0, shown.output
        assert WORDS.split(" ארוחה")[0] in shown.stdout
    out = Terminal()
    with progress(file=out) as told:
        told.begin(WORDS, size="3 generations", total=3, done=0)
        told.note(WORDS)
    assert out.getvalue().count("[red]b[/] $x_1$") >= 2


def test_words_are_drawn_as_they_stand(marked: evosim.Run) -> None:
    from xml.etree import ElementTree

    drawn = [path for path in marked.figures if path.suffix == ".svg"]
    assert len(drawn) > 4
    for path in drawn:
        texts = "".join(ElementTree.parse(path).getroot().itertext())
        assert r"[red]b[/] $x_1$ $ <b>&amp;</b> \alpha" in texts, path
    for suffix in ("png", "pdf"):
        assert marked.plot("genes", folder=marked.path / "more", formats=[suffix])


def test_words_stand_in_a_notebook_as_they_are(marked: evosim.Run) -> None:
    for shown in (marked._repr_html_(), marked.scenario._repr_html_()):
        assert "<b>&amp;</b>" not in shown
        assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in shown


def test_a_control_character_in_a_text_of_a_figure_leaves_the_svg_readable(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    from matplotlib.figure import Figure

    from evosim.plot.style import write

    figure = Figure()
    figure.text(0, 0, "a\x07b\x1b\ufffec")
    write(figure, tmp_path / "x.svg", title="t\x00t")
    texts = "".join(ElementTree.parse(tmp_path / "x.svg").getroot().itertext())
    assert "a\ufffdb\ufffd\ufffdc" in texts
    assert "t\ufffdt" in texts


@pytest.mark.parametrize("text", ["a\x07", "a\nb", "\u202e", "\ud800", "\x00"])
def test_a_label_that_cannot_be_printed_is_not_registered(
    text: str, registries_restored: None
) -> None:
    def compute(data: Any, scenario: Any, query: Any) -> Any:
        return ()

    for known in ({"label": text}, {"unit": text}, {"description": text}):
        with pytest.raises(EvosimError, match=rf"measure 'mine': {next(iter(known))} holds U\+"):
            evosim.metric("mine", **known)(compute)
    with pytest.raises(EvosimError, match="figure 'mine': title holds"):
        evosim.figure("mine", text)(lambda view: None)
    with pytest.raises(EvosimError, match="analysis 'mine': description holds"):
        evosim.analysis("mine", text)(lambda data, scenario, request: {})
