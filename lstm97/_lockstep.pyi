"""Types of the compiled module."""

from numpy import float64, int64
from numpy.typing import NDArray

from lstm97._topology import Topology
from lstm97.sequences import Sequences
from lstm97.targets import Targets

TEAM_SIZE: int

def is_possible(topology: Topology) -> bool: ...

class Team:
    def __new__(cls, topology: Topology) -> Team: ...
    def learn(
        self, jobs: list[tuple[NDArray[float64], Sequences, Targets]], learning_rate: float
    ) -> list[NDArray[float64]]: ...

def places_of(topology: Topology) -> NDArray[int64]: ...
