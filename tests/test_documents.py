"""What is printed in documents: examples run, figures follow from the committed records."""

import doctest
import importlib
import pkgutil
import runpy
from pathlib import Path

import pytest

import lstm97

ROOT = Path(__file__).parents[1]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(lstm97.__path__, "lstm97.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_every_public_name_has_an_example():
    finder = doctest.DocTestFinder(recurse=False)
    for module in ("lstm97", "lstm97.tasks"):
        public = importlib.import_module(module)
        for name in public.__all__:
            thing = getattr(public, name)
            if callable(thing):
                assert sum(bool(test.examples) for test in finder.find(thing, name)), name


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["README.md", "docs/guide.md"])
def test_examples_in_documents(name):
    results = doctest.testfile(str(ROOT / name), module_relative=False)
    assert results.attempted > 3
    assert results.failed == 0


def test_printed_figures_are_those_of_the_records():
    made = runpy.run_path(str(ROOT / "benchmarks" / "reproduce.py"))
    documents = made["documents"]()
    assert len(documents) == 3
    for path, text in documents.items():
        assert text == path.read_text(encoding="utf-8"), path
    for name, part in made["PARTS"].items():
        assert part().count("\n") > 3, name
        assert sum(part() in text for text in documents.values()) == 1, name
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
        "measured", "goals", "times", "sizes", "growth", "start", "experiments"
    ]  # fmt: skip


@pytest.mark.parametrize(("least", "reached"), [(0.9, "yes"), (0.899, "**no**")])
def test_every_trial_has_to_reach_the_goal_of_the_kernels_share(speed_page, least, reached):
    shares = {"kernel_shares": {"a": 0.95, "b": least, "c": 0.93}}
    counts = {"n_records": 1, "n_wanted": 2, "n_cores": 2, "hours": 1.0}
    text = speed_page["experiments"]({"records": shares | counts})
    assert text.endswith(f"Goal: at least 90% of each; reached: {reached}.\n")
