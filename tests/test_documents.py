"""Documents: their examples run, and their figures follow from the committed records."""

import doctest
import importlib
import inspect
import pkgutil
import re
import runpy
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

import lstm97
from lstm97.estimators.docs import document

ROOT = Path(__file__).parents[1]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(lstm97.__path__, "lstm97.")
    if not module.name.endswith("__main__")
]
WITH_EXAMPLES = [
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if "\n>>> " in path.read_text(encoding="utf-8")
]
# The names in the lists of the API page, without a link to another page.
LISTED = re.findall(
    r"^   ((?!command_line)[\w.]+)$",
    (ROOT / "docs" / "api.rst").read_text(encoding="utf-8"),
    re.MULTILINE,
)
SOURCES = (".py", ".pyx", ".pxd", ".h")
# Packages that examples may use, but tests can do without; and modules that need one of them.
EXTRAS = ("onnx", "onnxruntime", "torch")
NEEDS = {
    "lstm97.export.module": "torch",
    "lstm97.export.onnx": "onnx",
    "lstm97.export.torch": "torch",
}


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", LISTED)
def test_every_public_name_has_an_example(name):
    thing = pkgutil.resolve_name(f"lstm97.{name}")
    tests = doctest.DocTestFinder(recurse=False).find(thing, name)
    assert any(test.examples for test in tests)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_documents(name):
    missing = [f">>> import {extra}" for extra in EXTRAS if find_spec(extra) is None]
    sections = (ROOT / name).read_text(encoding="utf-8").split("\n## ")
    text = "\n## ".join(s for s in sections if not any(each in s for each in missing))
    runner = doctest.DocTestRunner()
    runner.run(doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, name, name, 0))
    results = runner.summarize()
    assert results.attempted > 3
    assert results.failed == 0


ESTIMATORS = [each for each in map(lstm97.__dict__.get, lstm97.__all__) if hasattr(each, "predict")]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_docstrings_have_all_parameters_in_their_order_with_their_defaults(cls):
    sections = re.split(r"^(\w[\w ]+)\n-+\n", inspect.getdoc(cls), flags=re.MULTILINE)
    titles = sections[1::2]
    order = ["Parameters", "Attributes", "See Also", "Notes", "References", "Examples"]
    assert titles == [title for title in order if title in titles]
    assert {*titles} >= {"Parameters", "Attributes", "See Also", "References", "Examples"}
    entries = re.findall(r"^(\w+) : .*, default=(.*)$", sections[2], flags=re.MULTILINE)
    parameters = inspect.signature(cls).parameters.values()
    assert entries == [(p.name, repr(p.default).replace("'", '"')) for p in parameters]
    assert all(line.strip() == "" or line[0] != " " or line[:4] == "    "
               for line in sections[2].splitlines())  # fmt: skip


@pytest.mark.parametrize("cls", [lstm97.LSTMClassifier, lstm97.LSTMRegressor])
def test_groups_of_parameters_are_in_the_order_of_the_signature(cls):
    about = inspect.getdoc(cls).split("Parameters\n----------\n")[0]
    groups = re.findall(r"^- \*[A-Z].*?(?=^\S|\Z)", about, flags=re.MULTILINE | re.DOTALL)
    names = re.findall(r"`(\w+)`", "".join(groups))
    assert len(groups) == 4
    assert names[: len(inspect.signature(cls).parameters)] == [*inspect.signature(cls).parameters]
    assert {*names} - {*inspect.signature(cls).parameters} <= {"class_weight"}


@pytest.mark.skipif(sys.flags.optimize > 1, reason="there are no docstrings")
def test_a_parameter_without_a_text_is_found():
    @dataclass
    class Model:
        """A model.

        Parameters
        ----------
        a : int
            One.
        """

        a: int = 1
        b: int = 2

    with pytest.raises(TypeError, match="Model has no text for its parameter b"):
        document()(Model)


def test_the_api_page_has_every_public_name():
    tasks = importlib.import_module("lstm97.tasks")
    names = {*lstm97.__all__, *(f"tasks.{name}" for name in tasks.__all__)}
    assert names - {"__version__", "tasks.TASKS"} <= set(LISTED)


def test_names_in_the_algorithm_are_those_of_the_kernels():
    page = (ROOT / "docs" / "algorithm.md").read_text(encoding="utf-8")
    names = set(re.findall(r"[A-Za-z_]{2,}", " ".join(re.findall(r"`([^`]+)`", page))))
    sources = [path for path in (ROOT / "lstm97").rglob("*") if path.suffix in SOURCES]
    code = " ".join(path.read_text(encoding="utf-8") for path in sources)
    known = {*re.findall(r"\w+", code), *(part for s in sources for part in s.name.split("."))}
    assert len(names) > 30
    assert names <= known | {"lstm"}, names - known


def test_a_broken_link_is_found(tmp_path):
    check = runpy.run_path(str(ROOT / "docs" / "check_links.py"))["broken_links"]
    (tmp_path / "b.html").write_text('<h1 id="there">b</h1>', encoding="utf-8")
    good = '<a href="b.html#there"></a><a href="#"></a><a href="https://example.org/x"></a>'
    (tmp_path / "a.html").write_text(good, encoding="utf-8")
    assert check(tmp_path) == []
    bad = ["#nowhere", "b.html#gone", "c.html", "no.png"]
    links = [f'<a href="{link}"></a>' if "html" in link else f'<img src="{link}">' for link in bad]
    (tmp_path / "a.html").write_text("".join(links), encoding="utf-8")
    assert [link for _, link in check(tmp_path)] == bad


def test_printed_figures_are_those_of_the_records():
    made = runpy.run_path(str(ROOT / "benchmarks" / "reproduce.py"))
    documents = made["documents"]()
    assert len(documents) == 4
    for path, text in documents.items():
        assert text == path.read_text(encoding="utf-8"), path
    for name, part in made["PARTS"].items():
        assert re.search(r"\d", part()), name
        n_pages = 2 if name == "beside_others" else 1  # README and the home page
        assert sum(part() in text for text in documents.values()) == n_pages, name
    assert made["front_page"]().count("\n") == 2 + len(made["FRONT_PAGE"])


@pytest.fixture
def speed_page(monkeypatch):
    folder = ROOT / "benchmarks" / "speed" / "compare"
    monkeypatch.syspath_prepend(folder)
    return runpy.run_path(str(folder / "page.py"))


def test_printed_times_are_those_of_the_record(speed_page):
    made = speed_page
    text = made["PAGE"].read_text(encoding="utf-8")
    assert made["page"](made["read"]()) == text
    assert [name for _, name in made["PART"].findall(text)] == [
        "measured", "sizes", "growth", "goals", "times", "start", "experiments"
    ]  # fmt: skip


@pytest.mark.parametrize(("least", "reached"), [(0.9, "yes"), (0.899, "**no**")])
def test_every_trial_has_to_reach_the_goal_of_the_kernels_share(speed_page, least, reached):
    shares = {"kernel_shares": {"a": 0.95, "b": least, "c": 0.93}}
    counts = {"n_records": 1, "n_wanted": 2, "n_cores": 2, "hours": 1.0}
    text = speed_page["experiments"]({"records": shares | counts})
    assert text.endswith(f"Goal: at least 90% of each; reached: {reached}.\n")
