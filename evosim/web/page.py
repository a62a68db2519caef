"""A page from a template: one look, nothing from elsewhere, and nothing of a user's run as code.

Scripts, styles and data are pasted into the page. Its Content-Security-Policy lets only those
scripts run, known by their hash, and lets nothing be asked of any server. Texts of scenarios are
escaped by jinja2, and data are JSON in which no ``<`` is left.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evosim.execution.runner import finite
from evosim.plot import colors

LIBRARY = ("uPlot.iife.min.js", "page.js", "level.js", "curves.js")
"""What draws levels and curves, in the order in which it has to be read."""

LIGHT = {
    "page": colors.WHITE,
    "ink": colors.INK,
    "soft": colors.DARK_GREY,
    "faint": "#B3B3B3",
    "rule": colors.LIGHT_GREY,
    "soft-ground": "#F5F5F5",
    "grid": colors.GRID,
    "link": colors.readable(colors.BLUE),
    "focus": colors.ORANGE,
    "selection": "#0072B222",
    "floor": colors.WHITE,
    "wall": colors.WALL,
    "edge": colors.WHITE,
    "visits": colors.SKY,
    "happened": colors.ORANGE,
    "kept": colors.readable(colors.GREEN),
    "lost": colors.readable(colors.VERMILLION),
    "capability": colors.DARK_GREY,
    "alignment": colors.BLUE,
    "blue": colors.BLUE,
    "vermillion": colors.VERMILLION,
    "green": colors.GREEN,
    "purple": colors.PURPLE,
    "orange": colors.ORANGE,
    "sky": colors.SKY,
    "grey": colors.GREY,
    "black": colors.BLACK,
    **{f"tint-{n}": colors.mixed(tint, 0.6) for n, tint in enumerate(colors.TINTS)},
}
"""Custom properties of page.css on white, as on paper."""

DARK = {
    "page": "#17191C",
    "ink": "#E6E6E6",
    "soft": "#A8ADB4",
    "faint": "#666B72",
    "rule": "#3A3E44",
    "soft-ground": "#23262A",
    "grid": "#33373C",
    "link": colors.SKY,
    "selection": "#56B4E933",
    "floor": "#23262A",
    "wall": "#8A8F96",
    "edge": "#C8CCD1",
    "visits": colors.BLUE,
    "kept": "#35C79E",
    "lost": "#FF8B47",
    "capability": "#B4B8BE",
    "alignment": colors.SKY,
    "blue": colors.SKY,
    "vermillion": "#FF8B47",
    "green": "#35C79E",
    "grey": "#A0A0A0",
    "black": "#FFFFFF",
    **{
        f"tint-{n}": tint
        for n, tint in enumerate(
            ("#26292D", "#1E2B36", "#35291A", "#1D3029", "#33262F", "#322F1B"),
        )
    },
}
"""What is another on a dark screen."""

BANDS = ("capability", "alignment", "blue", "vermillion", "green", "purple", "orange", "grey")
"""Colours that also have a lighter one, for bands."""


def render(
    template: str,
    *,
    title: str,
    data: Mapping[str, Any],
    scripts: Iterable[str] = LIBRARY,
    looks: Iterable[str] = (),
    script: str = "",
    connect: str = "'none'",
    **content: Any,
) -> str:
    """A page as text.

    Args:
        template: of evosim/web/templates; it extends page.html.
        title: of the page.
        data: by id, what scripts read with ``evosim.data(id)``: plain JSON.
        scripts: files of evosim/web/static, in the order in which they run, at the end of the page.
        looks: further styles, files of the same folder.
        script: code that runs after them.
        connect: what scripts may talk to, a source list of ``connect-src``.
        content: what the template shows; texts are escaped unless they are ``Markup``.
    """
    codes = [static(name) for name in scripts] + ([script] if script else [])
    styles = [_variables() + "".join(map(static, ("uPlot.min.css", "page.css", *looks)))]
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hashes(codes)}",
            f"style-src {_hashes(styles)}",
            # Parts of SVG have their looks as attributes; no text of a user's is one.
            f"style-src-elem {_hashes(styles)}",
            "style-src-attr 'unsafe-inline'",
            "img-src data:",
            f"connect-src {connect}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return _templates().get_template(template).render(
        title=title,
        policy=policy,
        styles=[Markup(style) for style in styles],
        codes=[Markup(code) for code in codes],
        data={name: embedded(value) for name, value in data.items()},
        **content,
    )  # fmt: skip


def embedded(value: Any) -> Markup:
    """JSON that can stand in a page: nothing in it ends a script or begins a comment.

    >>> str(embedded({"title": "</script>"}))
    '{"title":"\\\\u003c/script>"}'
    """
    text = json.dumps(finite(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))


@cache
def static(name: str) -> str:
    """A file of evosim/web/static, as it stands in a page."""
    text = (files("evosim.web") / "static" / name).read_text(encoding="utf-8").strip()
    if "</script" in text or "</style" in text:
        raise ValueError(f"{name} would end the element that it is pasted into")
    return text


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("evosim.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _hashes(texts: Iterable[str]) -> str:
    """The sources of a policy that allow just these texts."""
    hashes = (base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts)
    return " ".join(f"'sha256-{one}'" for one in hashes) or "'none'"


@cache
def _variables() -> str:
    """The colours as custom properties: light, and dark where the screen is."""

    def declared(chosen: Mapping[str, str]) -> str:
        bands = {f"{name}-band": f"{chosen[name]}33" for name in BANDS if name in chosen}
        return "".join(f"--{name}:{color};" for name, color in {**chosen, **bands}.items())

    fonts = (
        "--font:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
        "--mono:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    )
    # What is printed is printed on white; scripts that draw for it mark the page first.
    return (
        f":root{{{fonts}{declared(LIGHT)}}}\n@media screen and (prefers-color-scheme:dark)"
        f"{{:root:not([data-print]){{{declared(DARK)}}}}}\n"
    )
