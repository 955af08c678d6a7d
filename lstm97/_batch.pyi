"""Types of the compiled module; all arrays of numbers in a call are of one type, _F."""

from typing import Any, TypeVar

from numpy import float32, float64, intp
from numpy.typing import NDArray

from lstm97._topology import Topology

_F = TypeVar("_F", float32, float64)

class HiddenLayer:
    def __new__(cls, topology: Topology) -> HiddenLayer: ...
    def forward(
        self,
        active: NDArray[intp],
        w: NDArray[_F],
        z: NDArray[_F],
        fed: int,
        keep: bool,
        begun: bool,
        a: NDArray[_F],
        h: NDArray[_F],
        s: NDArray[_F],
        due: NDArray[intp],
        y: NDArray[_F],
        column: int,
    ) -> None: ...
    def backward(
        self,
        active: NDArray[intp],
        a: NDArray[_F],
        h: NDArray[_F],
        e_s: NDArray[_F],
        received: NDArray[_F],
        due: NDArray[intp],
        error: NDArray[_F],
        w: NDArray[_F] | None = None,
    ) -> None: ...

# x is a CSR matrix.
def add_sparse_product(x: Any, steps: NDArray[intp], w: NDArray[_F], y: NDArray[_F]) -> None: ...
def add_sparse_errors(
    x: Any, steps: NDArray[intp], delta: NDArray[_F], first: int, gradient: NDArray[_F]
) -> None: ...
