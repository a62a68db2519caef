"""What the pages say is true: the tutorial's steps, the README's code, links between pages."""

from __future__ import annotations

import pkgutil
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner

import evosim
from evosim import scenario
from evosim.cli import cli
from evosim.scenario import Scenario, _paths
from evosim.scenario.positions import KeyPath

ROOT = Path(__file__).resolve().parent.parent
TUTORIAL = ROOT / "docs" / "writing-scenarios.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

SMALL = [
    "evolution.population=8",
    "evolution.levels=1",
    "timeline.0.generations=3",
    "timeline.1.generations=2",
    "measure.levels=1",
    "measure.sample=2",
    "verdict.resamples=100",
]


class Block(NamedTuple):
    """A fenced block of a page: what stands behind the fence, and the text within."""

    tag: str
    text: str


def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```([^\n]+)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [Block(*one) for one in found]


def replaced(text: str, lines: str) -> str:
    """The text with each line that sets the same key as one of ``lines`` replaced by it."""
    for line in lines.splitlines():
        key = line.partition("=")[0].strip()
        old = re.compile(rf"^{re.escape(key)}\s*=.*$", re.MULTILINE)
        n = len(old.findall(text))
        assert n == 1, f"{key} is to be replaced once, not {n} times"
        text = old.sub(line.replace("\\", r"\\"), text)
    return text


def steps(page: Path) -> Iterator[tuple[str, Block | None]]:
    """The tutorial's file after each block that changes it, or with the console block on it."""
    text = ""
    for block in blocks(page):
        if block.tag == "toml":
            text += ("\n" if text else "") + block.text
        elif block.tag == "toml replace":
            text = replaced(text, block.text)
        yield text, block if block.tag == "console" else None


def finished() -> str:
    """The tutorial's file at its end."""
    return list(steps(TUTORIAL))[-1][0]


def check(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What ``evosim check moth.toml`` prints."""
    (folder / "moth.toml").write_text(text)
    monkeypatch.chdir(folder)
    shown = CliRunner().invoke(cli, ["check", "moth.toml"]).output
    # What it takes depends on the machine.
    return re.sub(r"^moth\.toml: (?:at most )?about .* threads?\n", "", shown, flags=re.MULTILINE)


def test_each_step_of_the_tutorial_gets_the_answer_shown(tmp_path, monkeypatch):
    shown = 0
    for text, console in steps(TUTORIAL):
        command, _, answer = ("" if console is None else console.text).partition("\n")
        if command.startswith("$ evosim check"):
            assert command == "$ evosim check moth.toml"
            assert check(text, tmp_path, monkeypatch) == answer
            shown += 1
    assert shown == 4


def variants() -> list[str]:
    return [block.text for block in blocks(TUTORIAL) if block.tag == "toml variant"]


def added(text: str, block: str) -> str:
    """The text with a block added as its page says: lines below a comment ``# under [table]`` go
    below that header, in place of the keys that the comment names; what has a header of its own
    goes at the end."""
    for part in re.split(r"\n\n(?=\[|# under)", block.rstrip("\n")):
        under = re.match(r"# under (\[[\w.]+\])(?:, in place of ([\w., ]+))?\n", part)
        if under is None:
            assert re.match(r"\[\[?[\w.]+\]\]?\n", part), part
            text = f"{text.rstrip()}\n\n{part}\n"
            continue
        above, header, below = text.partition(f"{under[1]}\n")
        assert header, under[1]
        table, rest = re.match(r"(.*?)((?:^\[.*)?)\Z", below, re.DOTALL | re.MULTILINE).groups()
        for key in under[2].split(", ") if under[2] else ():
            table, n = re.subn(rf"^{re.escape(key)}\s*=.*\n", "", table, flags=re.MULTILINE)
            assert n == 1, f"{key} is to be replaced once, not {n} times"
        text = above + header + part[under.end() :] + "\n" + table + rest
    return text


@pytest.mark.parametrize("block", variants(), ids=lambda text: text.splitlines()[0])
def test_each_variant_of_the_tutorial_can_be_added_to_its_file(block, tmp_path, monkeypatch):
    text = added(finished(), block)
    before, after = tomllib.loads(finished()), tomllib.loads(text)
    assert after != before
    assert check(text, tmp_path, monkeypatch) == "moth.toml: ok\n"


def test_all_variants_that_go_together_can_be_added_one_after_the_other(tmp_path, monkeypatch):
    apart = (
        "[evolution.open]",
        "[evolution.islands]",
        "optimizer = ",
        "novelty",
        "[deception]",
        "[world.movers",
    )
    text = finished()
    for block in variants():
        if not any(word in block for word in apart):
            text = added(text, block)
    assert check(text, tmp_path, monkeypatch) == "moth.toml: ok\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "block",
    [block.text for block in blocks(TUTORIAL) if block.text.startswith("$ evosim run")],
    ids=lambda text: text.splitlines()[0],
)
def test_the_tutorials_experiment_finds_what_the_page_says(block, tmp_path, monkeypatch):
    command, _, found = block.partition("\n")
    (tmp_path / "moth.toml").write_text(finished())
    monkeypatch.chdir(tmp_path)
    words = [*shlex.split(command)[2:], "--no-figures"]
    shown = CliRunner().invoke(cli, words).stdout
    assert found.strip() in shown


def test_the_tutorials_commands_exist_and_its_settings_apply():
    commands = re.findall(
        r"^(?:    )?\$ evosim (.*?)(?:\s+#.*)?$", TUTORIAL.read_text(), re.MULTILINE
    )
    assert len(commands) >= 5
    sets = []
    for command in commands:
        name, *words = command.split()
        assert name in cli.commands
        sets += [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert sets
    for setting in sets:
        scenario.loads(finished(), settings=[setting])
    control = scenario.loads(finished()).control
    scenario.loads(finished(), settings=[control.partition("--set ")[2]])


@pytest.mark.slow
def test_the_tutorials_scenario_runs(tmp_path):
    file = tmp_path / "moth.toml"
    file.write_text(finished())
    run = evosim.run(
        file, seed=1, replicates=2, settings=SMALL, out=tmp_path / "run", workers=1, figures=False
    )
    (flip,) = run.summary["flips"]
    assert (flip["from"], flip["to"]) == ("meadow", "street")
    assert "Flip at generation 3: meadow -> street" in run.verdict


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    (code,) = [block.text for block in blocks(ROOT / "README.md") if block.tag == "python"]
    small = code.replace(
        'evosim.run("contraception"',
        f'evosim.run("contraception", settings={SMALL!r}, figures=False',
    )
    assert small != code
    monkeypatch.chdir(tmp_path)
    exec(compile(small, "README.md", "exec"), {})


COMMAND = re.compile(
    r"^(?: {4}|\$ )(?:\$ )?(?:\.venv/bin/)?evosim ((?:.*\\\n)*[^\n]*?)(?: +#.*)?$", re.MULTILINE
)


def commands(page: Path) -> list[list[str]]:
    """The command lines that a page shows in lines of their own, as words."""
    return [shlex.split(line.replace("\\\n", " ")) for line in COMMAND.findall(page.read_text())]


def parsed(words: list[str]) -> dict[str, object]:
    """What a command is given, read as the command line reads it; nothing is run."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        command, words = command.commands[words[0]], words[1:]
    return command.make_context(str(command.name), list(words)).params


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_pages_can_be_typed(page: Path) -> None:
    for words in commands(page):
        given = parsed(words)
        shipped = given.get("scenario")
        if shipped in evosim.catalogue():
            agent = [f"agent.learner.factory={given['agent']}"] if given.get("agent") else []
            scenario.load(str(shipped), [*agent, *given.get("settings", ())])
    for inline in re.findall(r"`evosim ([a-z]+(?: [a-z]+)?)", page.read_text()):
        first, *second = inline.split()
        assert first in cli.commands, inline
        if second and isinstance(group := cli.commands[first], click.Group):
            assert second[0] in group.commands, inline


def test_the_readme_shows_the_commands_of_daily_use() -> None:
    shown = {words[0] for words in commands(ROOT / "README.md")}
    daily = {"list", "show", "check", "new", "run", "resume", "fork", "plot", "compare", "replay"}
    assert daily <= shown
    assert sum(len(commands(page)) for page in PAGES) > 50


def test_keys_that_pages_of_mechanisms_show_exist() -> None:
    def keys(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
        for key, part in value.items() if isinstance(value, dict) else ():
            yield (*path, key)
            yield from keys(part, (*path, key))
        for part in value if isinstance(value, list) else ():
            yield from keys(part, (*path, 0))

    found = []
    for page in sorted((ROOT / "docs" / "mechanisms").glob("*.md")):
        shown = re.findall(r"(?:^(?: {4}.*)?\n)+", page.read_text(), re.MULTILINE)
        for block in shown:
            if block.lstrip().startswith("["):
                found += keys(tomllib.loads(textwrap.dedent(block)))
    assert len(found) > 20
    for path in found:
        model = _paths.model_at(Scenario, path[:-1])
        free = model is None or model.model_config.get("extra") == "allow"
        assert free or path[-1] in model.model_fields, path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        if "://" in target:
            continue
        there = page.parent / target if target else page
        assert there.exists(), target
        if heading:
            assert heading in headings(there), f"{target}#{heading}"


def headings(page: Path) -> set[str]:
    """What links call the headings of a page, as GitHub makes it."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_holds_what_is_left_of_a_merge(page: Path) -> None:
    assert not re.search(r"^(<{7}|={7}|>{7})( |$)", page.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize(
    "block",
    [block.text for block in blocks(ROOT / "docs" / "faq.md") if block.tag == "console"],
    ids=lambda text: text.splitlines()[0],
)
def test_error_messages_that_are_explained_are_those_that_are_printed(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    command, _, said = block.partition("\n")
    assert command.startswith("$ evosim ")
    found = CliRunner().invoke(cli, shlex.split(command)[2:])
    assert found.exit_code != 0
    pattern = re.escape(said.strip()).replace(re.escape("..."), ".*")
    assert re.search(rf"^{pattern}$", found.output, re.MULTILINE), found.output


TEACHING = ROOT / "docs" / "for-teachers.md"


def answers() -> list[tuple[list[str], list[str]]]:
    """Each setting of the lesson: its command as words, and its row of the answers."""
    text = TEACHING.read_text(encoding="utf-8")
    settings = dict(re.findall(r"^\| (\d)\. .*\| `evosim (.*)` \|$", text, re.MULTILINE))
    rows = re.findall(r"^\| (the pill|\d) \| (.* -> .*) \|$", text, re.MULTILINE)
    usual = "run contraception --seed 1"
    return [(shlex.split(settings.get(name, usual)), row.split(" | ")) for name, row in rows]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "row"), answers(), ids=lambda part: part[-1])
def test_the_answers_of_the_lesson_are_what_its_commands_give(
    words: list[str], row: list[str], tmp_path: Path
) -> None:
    assert len(answers()) == 6
    given = parsed(words)
    # What happens at the flip does not depend on what comes after it.
    settings = [*given["settings"], "timeline.1.generations=1"]
    run = evosim.run(
        given["scenario"], seed=given["seed"], settings=settings, out=tmp_path / "run", workers=1,
        figures=False,
    )  # fmt: skip
    (flip,) = run.summary["flips"]
    for name, cell, shown in (
        ("capability", row[0], ".2f"), ("alignment", row[1], ".2f"), ("payoff", row[2], ".3g")
    ):  # fmt: skip
        assert cell == " -> ".join(
            format(flip[f"{name}_{side}"], shown) for side in ("before", "after")
        )


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    names = re.findall(r"^- `evosim\.(\w+)`: \S", text, re.MULTILINE)
    assert sorted(names) == sorted(set(evosim.__all__) - {"__version__"})


def test_names_of_the_glossary_exist() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`(evosim(?:\.\w+)+)`", text))
    assert len(names) > 20
    for name in sorted(names):
        assert pkgutil.resolve_name(name) is not None


def test_files_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"[\w/-]+\.pyi?\b", text))
    assert len(names) > 40
    for name in sorted(names):
        found = [*(ROOT / "evosim").rglob(name), *ROOT.glob(name)]
        assert found or "NAME" in name, f"{name}: no file of that name"


def test_names_in_the_pictures_of_the_architecture_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = [
        name.removeprefix("evosim.")
        for line in re.findall(r"^ {4,}(?:.*-- )?\| ?(.*?)(?:  |$)", text, re.M)
        for name in re.findall(r"\b[a-z_]+(?:\.[a-zA-Z_]+)+\b", line)
        if not name.endswith(".js")
    ]
    assert len(names) > 10
    for name in names:
        assert pkgutil.resolve_name(f"evosim.{name}") is not None
