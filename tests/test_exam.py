"""Exams: when they are passed, their milestones, and how many sequences they judge."""

import numpy as np
import pytest

from lstm97.experiments.exam import Exam, Recent
from lstm97.learning.learner import Results
from lstm97.tasks.base import Judgement

N = 100


class FakeTask:
    """Test sequences are numbers; the learner is a list of the grades it will get."""

    def __init__(self):
        self.judged = []
        self.drawn = []

    def draw_test(self, n, rng):
        self.drawn.append(rng.random())
        return np.arange(n), np.arange(n)

    def judge(self, learner, X, y):
        n_wrong, error = learner[0]
        self.judged.append(len(X))
        return Judgement(n_wrong > X, np.full(len(X), error))


def exam(task, learner, **options):
    stages = {"st1": {"max_wrong": 5}, "st2": {"max_wrong": 5, "mean_error": 0.1}}
    options = {"every": 10, "stages": stages, "n": N, **options}
    return Exam(task, learner, np.random.default_rng(0), **options)


def results(n):
    return Results(np.zeros(n), np.zeros(n), np.zeros(n))


def test_stages_are_passed_one_after_the_other():
    task, learner = FakeTask(), [(6, 0.0)]
    rule = exam(task, learner)
    grades = [(6, 0.0), (5, 0.5), (6, 0.5), (5, 0.1), (0, 0.09)]
    answers = []
    for grade in grades:
        learner[0] = grade
        answers.append(rule.look(results(10)))
    assert answers == [None, None, None, None, (10, "solved")]
    # ST1 was first passed at the second exam; that it was failed again does not count.
    assert rule.milestones == {"st1": 20, "st2": 50}


def test_a_failed_exam_ends_early_and_a_passed_one_is_complete():
    task = FakeTask()
    assert exam(task, [(N, 0.0)]).look(results(10)) is None
    assert sum(task.judged) < N / 4
    task.judged.clear()
    assert exam(task, [(0, 0.0)]).look(results(10)) == (10, "solved")
    assert sum(task.judged) == N


def test_the_mean_error_is_over_all_sequences():
    assert exam(FakeTask(), [(0, 0.1)]).look(results(10)) is None
    assert exam(FakeTask(), [(0, 0.0999)]).look(results(10)) == (10, "solved")
    assert exam(FakeTask(), [(0, float("nan"))]).look(results(10)) is None


@pytest.mark.parametrize(("fixed", "n_drawn"), [(True, 1), (False, 3)])
def test_test_sequences_are_drawn_once_or_for_each_exam(fixed, n_drawn):
    task = FakeTask()
    rule = exam(task, [(N, 0.0)], fixed=fixed)
    for _ in range(3):
        rule.look(results(10))
    assert len(set(task.drawn)) == n_drawn


def test_what_rules_declare():
    rule = exam(FakeTask(), [(0, 0.0)])
    assert (rule.every, rule.can_stop, rule.scores, rule.best) == (10, True, None, None)
    assert Recent(0.3).every is None
    assert Recent(0.3).milestones == {}
