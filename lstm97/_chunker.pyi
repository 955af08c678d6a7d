"""Types of the compiled module."""

from numpy import float64, int64
from numpy.typing import NDArray

from lstm97._core import Steps
from lstm97._topology import Topology

class Chunker:
    def __new__(cls, automatizer: Topology, chunker: Topology, n_targets: int) -> Chunker: ...
    def learn(
        self,
        automatizer: NDArray[float64],
        chunker: NDArray[float64],
        x: Steps,
        starts: NDArray[int64],
        lengths: NDArray[int64],
        values: NDArray[float64],
        weight: NDArray[float64] | None,
        first: NDArray[int64],
        every: bool,
        learning_rate: float,
        threshold: float,
        results: NDArray[float64],
    ) -> int: ...
    def run(
        self,
        automatizer: NDArray[float64],
        x: Steps,
        starts: NDArray[int64],
        lengths: NDArray[int64],
        every: bool,
        first: NDArray[int64],
        out: NDArray[float64],
    ) -> None: ...
