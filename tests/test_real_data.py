"""Real data: the scores of the examples, and docs/data.md, which reports them."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lstm97 import LSTMClassifier, Sequences, StepwiseTransformer

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
TABLES = runpy.run_path(str(EXAMPLES / "tables.py"))
NAMES = TABLES["examples"]()


def test_digits_by_rows():
    X, y = load_digits(return_X_y=True)
    model = LSTMClassifier.as_published(
        n_blocks=16, learning_rate=0.5, max_iter=20, tol=None, n_channels=8, random_state=0
    )
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
    assert model.fit(X_train, y_train).score(X_test, y_test) > 0.93


def test_japanese_vowels():
    datasets = pytest.importorskip("aeon.datasets")
    X, y = datasets.load_japanese_vowels(split="train")
    X_test, y_test = datasets.load_japanese_vowels(split="test")
    lstm = LSTMClassifier.as_published(
        n_blocks=16, learning_rate=0.2, input_gate_bias=-1, max_iter=50, tol=None, random_state=0
    )
    model = make_pipeline(StepwiseTransformer(StandardScaler()), lstm)
    model.fit(Sequences.from_channels_first(X), y)
    assert model.score(Sequences.from_channels_first(X_test), y_test) >= 0.95


def test_printed_scores_are_those_of_the_records():
    assert TABLES["page"]() == TABLES["PAGE"].read_text(encoding="utf-8")
    with_scores = [p.stem for p in EXAMPLES.glob("*.py") if "\nscores = " in p.read_text()]
    assert sorted(NAMES) == sorted(with_scores)
    assert len(NAMES) == 4


@pytest.mark.parametrize("name", NAMES)
def test_all_methods_of_a_record_have_the_same_folds(name):
    _, methods = TABLES["read"](name)
    assert len({line["method"] for line in methods}) == len(methods) >= 5
    assert {len(line["folds"]) for line in methods} == {10 if name == "japanese_vowels" else 5}
    scores = np.array([line["folds"] for line in methods])
    assert (scores > 0).all()
    assert (scores <= 1).all()


def test_the_goal_is_met_on_the_test_set_of_the_vowels():
    _, methods = TABLES["read"]("japanese_vowels")
    tests = [line["test"] for line in methods if line["method"].startswith("LSTM")]
    assert len(tests) == 2
    assert min(tests) >= 0.95
