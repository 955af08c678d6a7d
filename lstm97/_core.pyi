"""Types of the compiled module."""

from numpy import float64, int64
from numpy.typing import NDArray

from lstm97._topology import Topology

GRADIENTS: dict[str, int]
OUTPUT_ACTIVATIONS: dict[str, int]
LOSSES: dict[str, int]

class Steps:
    def __new__(cls, flat: object) -> Steps: ...  # an array, or a CSR matrix
    @property
    def n_steps(self) -> int: ...
    @property
    def n_inputs(self) -> int: ...

class Network:
    def __new__(cls, topology: Topology) -> Network: ...
    def learn(
        self,
        weights: NDArray[float64],
        x: Steps,
        starts: NDArray[int64],
        lengths: NDArray[int64],
        values: NDArray[float64],
        weight: NDArray[float64] | None,
        first: NDArray[int64],
        every: bool,
        learning_rate: float,
        per_step: bool,
        results: NDArray[float64],
        gradient: NDArray[float64] | None = None,
        form: str = "forward",
        carry: bool = False,
    ) -> int: ...
    def unrolled(self, length: int) -> tuple[NDArray[float64], NDArray[float64]]: ...
    def run(
        self,
        weights: NDArray[float64],
        x: Steps,
        starts: NDArray[int64],
        lengths: NDArray[int64],
        every: bool,
        first: NDArray[int64],
        out: NDArray[float64],
        carry: bool = False,
    ) -> None: ...
    def record(
        self,
        weights: NDArray[float64],
        x: Steps,
        starts: NDArray[int64],
        lengths: NDArray[int64],
        first: NDArray[int64],
        out: NDArray[float64],
    ) -> None: ...
