"""Types of the compiled module; all arrays of numbers in a call are of one type, F."""

from typing import Any, TypeVar

from numpy import float32, float64, intp
from numpy.typing import NDArray

from lstm97._topology import Topology

F = TypeVar("F", float32, float64)

class HiddenLayer:
    def __new__(cls, topology: Topology) -> HiddenLayer: ...
    def forward(
        self,
        active: NDArray[intp],
        w: NDArray[F],
        z: NDArray[F],
        fed: int,
        keep: bool,
        begun: bool,
        a: NDArray[F],
        h: NDArray[F],
        s: NDArray[F],
        due: NDArray[intp],
        y: NDArray[F],
        column: int,
    ) -> None: ...
    def backward(
        self,
        active: NDArray[intp],
        a: NDArray[F],
        h: NDArray[F],
        e_s: NDArray[F],
        received: NDArray[F],
        due: NDArray[intp],
        error: NDArray[F],
        w: NDArray[F] | None = None,
    ) -> None: ...

# x is a CSR matrix.
def add_sparse_product(x: Any, steps: NDArray[intp], w: NDArray[F], y: NDArray[F]) -> None: ...
def add_sparse_errors(
    x: Any, steps: NDArray[intp], delta: NDArray[F], first: int, gradient: NDArray[F]
) -> None: ...
