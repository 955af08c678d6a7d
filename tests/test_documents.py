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


def test_printed_times_are_those_of_the_record(monkeypatch):
    folder = ROOT / "benchmarks" / "speed" / "compare"
    monkeypatch.syspath_prepend(folder)
    made = runpy.run_path(str(folder / "page.py"))
    text = made["PAGE"].read_text(encoding="utf-8")
    assert made["page"](made["read"]()) == text
    assert [name for _, name in made["PART"].findall(text)] == [
        "measured", "goals", "times", "sizes", "growth", "start", "experiments"
    ]  # fmt: skip
