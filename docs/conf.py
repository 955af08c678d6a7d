"""The documentation's build: `sphinx-build -W --keep-going docs docs/_build/html`.

Nothing here needs a network, neither for the build nor for reading what it made.
"""

import os
import subprocess
import sys
from importlib.metadata import metadata

from docutils.nodes import SkipNode, literal_block
from docutils.parsers.rst import Directive
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx_gallery.sorting import ExplicitOrder

about = metadata("lstm97")
project = about["Name"]
author = about["Author"]
version = release = about["Version"]
urls = dict(line.split(", ") for line in about.get_all("Project-URL", []))

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples", "gallery/**/*.ipynb"]
templates_path = ["_templates"]
default_role = "literal"
smartquotes = False
toc_object_entries_show_parents = "hide"
highlight_language = "none"
# Examples end with an empty line, for the tests, which is not to be seen.
highlight_options = {"python": {"stripnl": True}}

# Every reference must be found, but for those to packages whose documentation stands elsewhere.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(sklearn|scipy|numpy|matplotlib|joblib)\..*")]
nitpick_ignore = [("py:obj", "is_due"), ("py:obj", "n_steps_")]  # properties, among the attributes

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Types stand in the docstrings; annotations are for type checkers.
autodoc_typehints = "none"

# Methods are listed by _templates/autosummary/class.rst, attributes by the docstrings.
numpydoc_show_class_members = False

# Every docstring of the API is checked while the pages are built. Not asked for are an extended
# summary, an example and a "See Also" for each method, and returned values without a name. Records,
# which nobody makes but this package, have attributes in place of parameters.
RECORDS = "Agreement|Finding|GradientReport|Judgement|Setting|Snapshot|Summary|Trace"
numpydoc_validation_checks = {"all", "ES01", "EX01", "SA01", "RT02"}
numpydoc_validation_exclude = {r"\.(get|set)_params$", rf"\.({RECORDS})$"}

copybutton_exclude = ".linenos, .gp, .go"

GALLERY = [
    "digits", "motions", "japanese_vowels", "airline", "anomaly", "grid_search", "stream",
    "forgetting", "adding_gates", "error_flow", "temporal_order", "reber", "hidden_units",
    "reproduction", "matrix",
]  # fmt: skip
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    # The other files there take minutes; data.md has what they print.
    "ignore_pattern": r"^(?!plot_)",
    "doc_module": ("lstm97",),
    "backreferences_dir": "generated/examples",
    "reference_url": {"lstm97": None},
    "within_subsection_order": ExplicitOrder([*(f"plot_{name}.py" for name in GALLERY), "*"]),
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {version}"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_show_sourcelink = False
html_math_renderer = "mathml"
# No list of neighbours beside pages that have none.
html_sidebars = {"index": [], "start": []}
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "icon_links": [
        {"name": name, "url": url, "icon": "fa-brands fa-github"}
        for name, url in urls.items()
        if name == "Source"
    ],
}


def formula(writer, node):
    """Write a formula of a line as MathML, which browsers draw themselves."""
    writer.body.append(tex2mathml(node.astext()))
    raise SkipNode


def display(writer, node):
    """Write a formula of its own as MathML."""
    mathml = tex2mathml(node.astext(), as_block=True)
    writer.body.append(f'<div class="math">{mathml}</div>')
    raise SkipNode


class CommandHelp(Directive):
    """What `lstm97 COMMAND --help` prints."""

    optional_arguments = 1

    def run(self):
        """Run the command."""
        text = subprocess.run(
            [sys.executable, "-m", "lstm97", *self.arguments, "--help"],
            env=os.environ | {"COLUMNS": "90"}, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        return [literal_block(text, text, language="text")]


def setup(app):
    """Add what is defined here."""
    app.add_html_math_renderer("mathml", (formula, None), (display, None))
    app.add_directive("command-help", CommandHelp)
