"""What lives of a world can come to: cells, values of variables, rules that can fire.

Each variable is followed by itself, as if any of its values could meet any of another. So what is
said to be out of reach is so; something that only several variables together keep from happening
may be missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from evosim.scenario.check_placement import Cell, may_hold
from evosim.scenario.check_world import possible
from evosim.scenario.rules import Rule
from evosim.scenario.values import bounds

if TYPE_CHECKING:
    from evosim.scenario.schema import Variable, World

Path: TypeAlias = tuple[str, ...]
Condition: TypeAlias = int | tuple[int, int]
Box: TypeAlias = dict[str, frozenset[int]]

# A variable with more values counts as one that takes all of them.
_MOST_VALUES = 20_000
# Conditions so tangled that more pieces are left of all values count as fulfilled somewhere.
_MOST_PIECES = 200


@dataclass(frozen=True)
class Reach:
    """What lives of a world can come to.

    Example:
        >>> from evosim import scenario
        >>> found = Reach(scenario.load("fridge").environment("wild"))
        >>> sorted(found.lived["energy"]), sorted(found.lived["fridge"])
        ([1, 2, 3, 4], [0])
    """

    world: World

    @cached_property
    def parts(self) -> tuple[frozenset[Cell], ...]:
        """The free cells in parts that no move joins, the largest first."""
        layout = self.world.layout
        left, found = set(layout.free), []
        between = (layout.wall, layout.barrier_south, layout.barrier_east)
        if not any(any(row) for rows in between for row in rows):
            return (frozenset(left),)
        while left:
            part, todo = set(), [left.pop()]
            while todo:
                cell = todo.pop()
                part.add(cell)
                beside = left.intersection(self._beside(cell))
                left -= beside
                todo += beside
            found.append(frozenset(part))
        return tuple(sorted(found, key=lambda part: (-len(part), min(part))))

    def _beside(self, cell: Cell) -> Iterator[Cell]:
        """The cells that a move from a cell leads to, walls among them."""
        (r, c), layout = cell, self.world.layout
        ways = (
            (r - 1, c, r > 0 and layout.barrier_south[r - 1][c]),
            (r + 1, c, layout.barrier_south[r][c]),
            (r, c - 1, c > 0 and layout.barrier_east[r][c - 1]),
            (r, c + 1, layout.barrier_east[r][c]),
        )
        for row, col, barred in ways:
            if not barred:
                torus = self.world.edges == "torus"
                yield (row % layout.rows, col % layout.cols) if torus else (row, col)

    @cached_property
    def starts(self) -> frozenset[Cell]:
        """The cells on which a life can begin."""
        layout = self.world.layout
        return frozenset(layout.starts or layout.open)

    @cached_property
    def cells(self) -> frozenset[Cell]:
        """The cells that some life can come to."""
        return frozenset(cell for part in self.parts if part & self.starts for cell in part)

    @cached_property
    def touched(self) -> frozenset[str]:
        """The kinds of which some life can come to a site."""
        world = self.world
        drawn = [
            name
            for name, kind in world.kinds.items()
            if kind.count
            and any(may_hold(kind, cell) for cell in self.cells.intersection(world.layout.open))
        ]
        on_map = [name for *cell, name in world.layout.sites if tuple(cell) in self.cells]
        return frozenset([*drawn, *on_map])

    @cached_property
    def met(self) -> frozenset[str]:
        """The movers that may be where lives come: they walk within the part they begin in."""
        world = self.world
        drawn = [
            name
            for name, mover in world.movers.items()
            if mover.count and any(may_hold(mover, cell) for cell in self.cells)
        ]
        on_map = [name for *cell, name in world.layout.movers if tuple(cell) in self.cells]
        return frozenset([*drawn, *on_map])

    @cached_property
    def felt(self) -> frozenset[str]:
        """The fields that are felt on some cell that lives come to."""
        return frozenset(
            name
            for name in self.world.fields
            if any(
                strength and cell in self.cells
                for cell, strength in zip(
                    self.world.layout.free, self.world.strengths(name), strict=True
                )
            )
        )

    @cached_property
    def lived(self) -> Mapping[str, Collection[int]]:
        """The values of each variable with which somebody may act."""
        return {name: values for name, (values, _, _) in self._values.items()}

    @cached_property
    def during(self) -> Mapping[str, Collection[int]]:
        """Its values between an action and drift, when ``here`` and ``always`` are felt."""
        return {name: values for name, (_, values, _) in self._values.items()}

    @cached_property
    def after(self) -> Mapping[str, Collection[int]]:
        """Its values after drift, fatal ones too."""
        return {name: values for name, (_, _, values) in self._values.items()}

    @cached_property
    def _values(self) -> dict[str, tuple[Collection[int], Collection[int], Collection[int]]]:
        """``lived``, ``during`` and ``after`` of each variable: more of one may let rules hold that
        give more of another, until nothing is new."""
        variables = self.world.variables
        found: dict[str, tuple[Collection[int], Collection[int], Collection[int]]] = {
            name: (possible(variable.start), (), ()) for name, variable in variables.items()
        }
        while True:
            new = {name: self._spread(name, variables[name], found) for name in variables}
            if new == found:
                return found
            found = new

    def _spread(
        self, name: str, variable: Variable, found: Mapping[str, tuple[Collection[int], ...]]
    ) -> tuple[Collection[int], Collection[int], Collection[int]]:
        """Where a variable comes to by itself, as far as the others are known."""
        top = variable.values - 1
        if top >= _MOST_VALUES or variable.counts == "unpunished":
            return (range(top + 1),) * 3
        changes = []
        for path, effect in self.world.effects():
            given, added = _table(effect, "set").get(name), _table(effect, "add").get(name, 0)
            if variable.counts == "corrections" and isinstance(effect, Rule) and effect.corrects:
                added = 1
            others = {k: c for k, c in _table(effect, "when").items() if k != name}
            known = {other: found[other][0 if _is_action(path) else 1] for other in others}
            if (given is None and not added) or getattr(effect, "ends", 0.0) == 1:
                continue
            if self._is_there(path) and all(meets(known[k], c) for k, c in others.items()):
                own = bounds(_table(effect, "when").get(name, (0, top)))
                changes.append((own, None if given is None else possible(given), added))

        def may(when: Mapping[str, Condition]) -> bool:
            """Whether a condition on the state before drift can hold, as far as others go."""
            return all(meets(found[k][1], c) for k, c in when.items() if k != name)

        drifts = [
            (bounds(drift.when.get(name, (0, top))), drift.step)
            for drift in variable.drifts
            if drift.chance and may(drift.when)
        ]
        chances = [
            (given if given is None else possible(given), added)
            for happening in self.world.happens.values()
            if happening.chance and may(happening.when)
            for given, added in [(happening.set.get(name), happening.add.get(name, 0))]
            if given is not None or added
        ]

        def moved(value: int, given: Collection[int] | None, added: int) -> Collection[int]:
            return [min(max(value + added, 0), top)] if given is None else given

        low, high = (1, 0) if variable.fatal is None else bounds(variable.fatal)
        lived, during, after = set(possible(variable.start)), set[int](), set[int]()
        todo = list(lived)
        while todo:
            value = todo.pop()
            middle, news = {value}, {value}
            while news:
                reached = {
                    after
                    for v in news
                    for (least, most), given, added in changes
                    if least <= v <= most
                    for after in moved(v, given, added)
                }
                # One action a step; but several movers can be met.
                news = reached - middle if self.world.movers else set()
                middle |= reached
            during |= middle
            ends, news = set(middle), set(middle)
            while news and chances:
                news = {a for v in news for chance in chances for a in moved(v, *chance)} - ends
                ends |= news
            for (least, most), step in drifts:
                from_ = ends if chances else (v for v in middle if least <= v <= most)
                ends = ends | {min(max(v + step, 0), top) for v in from_}
            fresh = {v for v in ends - lived if not low <= v <= high}
            after |= ends
            lived |= fresh
            todo += fresh
        return lived, during, after

    def _is_there(self, path: Path) -> bool:
        """Whether lives come to where an effect is: a site, a mover, a field; or it is anywhere."""
        there = {"kinds": self.touched, "movers": self.met, "fields": self.felt}
        return path[0] not in there or path[1] in there[path[0]]

    def values(self, path: Path) -> Mapping[str, Collection[int]]:
        """The values that an effect, or a drift, can find."""
        return self.lived if _is_action(path) else self.during

    def unmet(self, path: Path, when: Mapping[str, Condition]) -> Iterator[str]:
        """The variables whose values no life has that a condition asks for."""
        values = self.values(path)
        return (name for name, condition in when.items() if not meets(values[name], condition))

    @cached_property
    def shadowed(self) -> Mapping[Path, tuple[str, ...]]:
        """The rules that hold somewhere, but never fire, and the earlier rules that hold wherever
        they do: one that alone does, or all before it."""
        lists: dict[Path, list[tuple[Path, Mapping[str, Condition]]]] = {}
        for path, effect in self.world.effects():
            if is_rule(path):
                lists.setdefault(path[:3], []).append((path, effect.when))
        return {path: names for rules in lists.values() for path, names in self._shadowed(rules)}

    def _shadowed(
        self, rules: Sequence[tuple[Path, Mapping[str, Condition]]]
    ) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Of one list of rules, of which the first that holds fires."""
        values = self.values(rules[0][0])
        named = dict.fromkeys(name for _, when in rules for name in when)
        if any(isinstance(values[name], range) for name in named):
            return
        whole: Box = {name: frozenset(values[name]) for name in named}
        left, earlier = [whole], list[tuple[str, Box]]()  # where no rule before this one holds
        for path, when in rules:
            own = _within(whole, when)
            if all(own.values()):
                if not any(_overlap(box, own) for box in left):
                    alone = (name for name, box in earlier if all(own[n] <= box[n] for n in own))
                    one = next(alone, None)
                    yield path, (one,) if one else tuple(name for name, _ in earlier)
                left = [piece for box in left for piece in _less(box, own)]
                earlier.append((path[3], own))
            if len(left) > _MOST_PIECES:
                return

    def happens(self, path: Path, effect: Any) -> bool:
        """Whether an effect of ``World.effects()`` can ever be felt or paid."""
        if not self._is_there(path) or any(self.unmet(path, _table(effect, "when"))):
            return False
        return path not in self.shadowed

    @cached_property
    def effects(self) -> tuple[tuple[Path, Any], ...]:
        """Those of ``World.effects()`` that can ever be felt or paid."""
        return tuple(one for one in self.world.effects() if self.happens(*one))


def meets(values: Collection[int], condition: Condition) -> bool:
    """Whether one of the values fulfils a condition."""
    low, high = bounds(condition)
    if isinstance(values, range):
        return low in values or high in values
    return any(low <= value <= high for value in values)


def is_rule(path: Path) -> bool:
    """Whether an effect is one of several rules of which the first that holds fires."""
    return path[2:3] in (("use",), ("enter",), ("meet",))


def _is_action(path: Path) -> bool:
    """Whether an effect is read off the state in which a step begins."""
    return path[2:3] in (("use",), ("enter",))


def _table(effect: Any, key: str) -> Mapping[str, Any]:
    """A table of an effect; not every sort has each."""
    table: Mapping[str, Any] = getattr(effect, key, {})
    return table


def _within(whole: Box, when: Mapping[str, Condition]) -> Box:
    """The part of a box in which a condition is fulfilled."""
    box = dict(whole)
    for name, condition in when.items():
        low, high = bounds(condition)
        box[name] = frozenset(value for value in whole[name] if low <= value <= high)
    return box


def _overlap(box: Box, other: Box) -> bool:
    return not any(box[name].isdisjoint(other[name]) for name in box)


def _less(box: Box, other: Box) -> Iterator[Box]:
    """What is left of a box without another, in pieces that do not overlap."""
    if not _overlap(box, other):
        yield box
        return
    rest = dict(box)
    for name in box:
        if outside := rest[name] - other[name]:
            yield {**rest, name: outside}
        rest[name] &= other[name]
