"""Settings of the documentation site, which `make docs` builds from docs/ with Sphinx.

The pages are plain Markdown that also reads well on a code host. What a site needs beyond that is
added when it is built, by the modules beside this one.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from evosim.plot import colors  # noqa: E402

project = "evosim"
copyright = "the authors of evosim, MIT licence"
html_title = "evosim"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "contents",
    "glossary",
    "notebooks",
    "reports",
]
root_doc = "index"
exclude_patterns = ["**/*.json"]

# Markdown as a code host reads it: headings have the same anchors there and here.
myst_heading_anchors = 6
myst_enable_extensions = ["attrs_block"]
highlight_language = "none"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Nothing is asked of the network, neither when the site is built nor when it is read.
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
# A summary is read from the page that is found, which browsers do not allow of files on a disk.
html_show_search_summary = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": colors.BLUE,
        "color-brand-content": colors.readable(colors.BLUE),
        "font-stack": "system-ui, sans-serif",
        "font-stack--monospace": "ui-monospace, monospace",
    },
    "dark_css_variables": {
        "color-brand-primary": colors.SKY,
        "color-brand-content": colors.SKY,
    },
}
pygments_style = "default"
pygments_dark_style = "native"
