"""Types of the compiled module."""

from numpy import float64, int64
from numpy.typing import NDArray

from lstm97._core import Steps

def centre(residual: NDArray[float64], weight: NDArray[float64]) -> float: ...

class Block:
    def __new__(
        cls,
        x: Steps,
        starts: NDArray[int64],
        lengths: NDArray[int64],
        rows: NDArray[int64],
        hidden: NDArray[float64],
    ) -> Block: ...

class Pool:
    def __new__(cls, n_inputs: int, n_before: int, n_units: int, n_outputs: int) -> Pool: ...
    def run(self, weights: NDArray[float64], block: Block) -> None: ...
    def correlate(
        self,
        weights: NDArray[float64],
        block: Block,
        residual: NDArray[float64],
        sign: NDArray[float64],
        correlation: NDArray[float64],
        gradient: NDArray[float64],
    ) -> None: ...

class Outputs:
    def __new__(
        cls, n_inputs: int, n_hidden: int, n_outputs: int, output_activation: str, loss: str
    ) -> Outputs: ...
    def learn(
        self,
        weights: NDArray[float64],
        block: Block,
        values: NDArray[float64],
        weight: NDArray[float64] | None,
        first: NDArray[int64],
        every: bool,
        offset: float,
        results: NDArray[float64],
        residual: NDArray[float64],
        gradient: NDArray[float64],
    ) -> None: ...
    def run(
        self,
        weights: NDArray[float64],
        block: Block,
        every: bool,
        first: NDArray[int64],
        out: NDArray[float64],
    ) -> None: ...
