"""Types of the compiled module."""

from numpy import float64
from numpy.typing import NDArray

N_LANES: int
BUILD: dict[str, str | int]

def exp(x: NDArray[float64], y: NDArray[float64]) -> None: ...
def log(x: NDArray[float64], y: NDArray[float64]) -> None: ...
def logistic(
    x: NDArray[float64], low: NDArray[float64], high: NDArray[float64], y: NDArray[float64]
) -> None: ...
