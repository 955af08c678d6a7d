"""The kernels' own exp, log and squashing functions, against exact decimal arithmetic."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from lstm97._kernels import vectors


def apply(function, x, *parameters):
    n = -len(x) % vectors.N_LANES
    x = np.concatenate([x, np.zeros(n) + 1.0])
    y = np.empty_like(x)
    function(x, *(np.full_like(x, p) for p in parameters), y)
    return y[: len(x) - n]


def ulps(got, exact):
    """Distance in units of the last place of the exact value."""
    return float(abs(Decimal(got) - exact) / Decimal(math.ulp(float(exact))))


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    near_zero = 10.0 ** rng.uniform(-12, 0, 300) * rng.choice([-1, 1], 300)
    return np.concatenate([rng.uniform(-700, 700, 500), rng.uniform(-3, 3, 500), near_zero])


def test_exp(points):
    with localcontext(prec=40):
        worst = max(
            ulps(y, Decimal(x).exp())
            for x, y in zip(points, apply(vectors.exp, points), strict=True)
        )
    assert worst <= 1.0


def test_log(points):
    x = np.abs(points) + 1e-300
    x = np.concatenate([x, 1.0 + points[:500] / 1e4, [1.0, 2.0, 1e308, 2.3e-308]])
    with localcontext(prec=40):
        for a, y in zip(x, apply(vectors.log, x), strict=True):
            exact = Decimal(a).ln()
            assert y == exact == 0 or ulps(y, exact) <= 1.0


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (-2.0, 2.0)])
def test_logistic(points, low, high):
    with localcontext(prec=400):
        for x, y in zip(points, apply(vectors.logistic, points, low, high), strict=True):
            exact = Decimal(low) + Decimal(high - low) / (1 + (-Decimal(x)).exp())
            assert ulps(y, exact) <= 3.0
            assert low <= y <= high


def test_edges():
    assert math.isnan(apply(vectors.exp, np.array([math.nan]))[0])
    assert math.isnan(apply(vectors.logistic, np.array([math.nan]), 0.0, 1.0)[0])
    assert apply(vectors.exp, np.array([0.0]))[0] == 1.0
    assert apply(vectors.log, np.array([1.0]))[0] == 0.0
    sure = apply(vectors.logistic, np.array([-math.inf, -1e4, 1e4, math.inf]), -2.0, 2.0)
    assert list(sure) == [-2.0, -2.0, 2.0, 2.0]


def test_lengths_are_checked():
    x = np.zeros(vectors.N_LANES)
    with pytest.raises(ValueError, match="one length"):
        vectors.logistic(x, x[:-1].copy(), x, x)
