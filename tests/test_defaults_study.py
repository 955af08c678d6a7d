"""The study of defaults: its made data, its settings and its fits."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "defaults"
DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def modules(monkeypatch):
    """Import the modules of the study from their folder."""
    names = ["data", "settings", "fits"]
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield [importlib.import_module(name) for name in names]
    for name in names:
        sys.modules.pop(name, None)


MADE = {
    "make_many": {"n_train": 30, "n_test": 10},
    "make_recording": {"n_steps": 300},
    "make_switch": {"n_steps": 300},
    "make_tagging": {"n_train": 10, "n_test": 5},
    "make_rare": {"n_train": 40, "n_test": 20},
    "make_toy": {"n_train": 10, "n_test": 5},
    "make_forecast": {"n_history": 10, "n_windows": 20},
}


@pytest.mark.parametrize("name", MADE)
def test_made_sets_are_the_same_each_time(modules, name):
    first, second = (getattr(modules[0], name)(**MADE[name]) for _ in range(2))
    for (X, y), (X_again, y_again) in zip(
        (first.train, first.test), (second.train, second.test), strict=True
    ):
        np.testing.assert_array_equal(X.flat, X_again.flat)
        np.testing.assert_array_equal(X.lengths, X_again.lengths)
        for each, again in zip(y, y_again, strict=True):
            np.testing.assert_array_equal(each, again)
    assert not np.array_equal(first.train[0][0], first.test[0][0])


def test_the_toy_is_what_it_says(modules):
    plain, moved = (modules[0].make_toy(5, 3, offset=a, scale=b) for a, b in [(0, 1), (1000, 0.01)])
    X, y = plain.train
    assert y == pytest.approx([3 * x[:, 0].mean() + x[-1, 1] for x in X])
    np.testing.assert_allclose(moved.train[1], 1000 + 0.01 * y)


def test_a_name_says_what_a_setting_changes(modules):
    settings = modules[1]
    base, setting = settings.setting_of("A batch_size=4 fall=cosine input_gate_bias=(0,-4)")
    changed = {"batch_size": 4, "fall": "cosine", "input_gate_bias": (0, -4)}
    assert (base, setting) == ("A", settings.A | changed)
    assert settings.setting_of("torch units=64") == ("torch", {"units": 64})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_size": 1, "noise": 0.2, "smooth": 0.1},
        {"clip": 1.0, "decay": 0.1, "average": 0.5, "fall": "cosine", "beta2": 0.99},
        {"online": True, "gradient": "truncated"},
    ],
)
@pytest.mark.parametrize("name", ["make_rare", "make_tagging", "make_toy"])
def test_fits_repeat_and_predict(modules, name, changes):
    data, settings, fits = modules
    made = getattr(data, name)(**MADE[name])
    X, X_test = fits.standardised(made.train[0], made.test[0])
    setting = settings.A | {"n_blocks": 3, "updates": 20} | changes
    first, second = (
        fits.fit_net(setting, X, made.train[1], 0, made.is_regression)(X_test) for _ in range(2)
    )
    for each, again, target in zip(first, second, made.test[1], strict=True):
        np.testing.assert_array_equal(each, again)
        assert np.shape(each) == np.shape(target)


def test_pieces_hold_all_steps_in_order(modules):
    data, _, fits = modules
    X, y = data.make_tagging(4, 1).train
    pieces, tags = fits.cut(X, y, piece=7)
    assert pieces.lengths.max() <= 7
    np.testing.assert_array_equal(np.concatenate(pieces.to_list()), np.concatenate(X.to_list()))
    np.testing.assert_array_equal(np.concatenate(tags), np.concatenate(y))


def table(*arguments):
    """Run the script that makes tables of the scores; return what it prints."""
    command = [sys.executable, "table.py", *map(str, arguments)]
    return subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", ["settings.md", "data.md"])
def test_pages_have_the_tables_of_the_scores(name, tmp_path):
    page = (DOCS / name).read_text(encoding="utf-8")
    (tmp_path / name).write_text(page, encoding="utf-8")
    table("--page", tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8") == page
    assert page.count("<!-- made from scores: ") > 1


def test_front_pages_have_the_means_of_the_scores():
    readme, home = DOCS.parent / "README.md", DOCS / "index.md"
    five, three = ["chosen"], ["ArrowHead", "Trace", "Coffee"]
    for sets, pages in ((five, [readme, home]), (three, [readme])):
        rows = table("--settings", "default", "torch", "--sets", *sets).splitlines()[2:]
        means = [row.split("|")[-3].strip() for row in rows]
        assert len(means) == 2
        for page in pages:
            assert all(mean in page.read_text(encoding="utf-8") for mean in means), means
