"""The paper's tasks: `make_...` for users, `TASKS` for the experiments."""

from lstm97.tasks.marked import adding, make_adding, make_multiplication, multiplication
from lstm97.tasks.temporal_order import TemporalOrder, make_temporal_order

TASKS = {
    "adding": adding,
    "multiplication": multiplication,
    "temporal order": TemporalOrder,
}

__all__ = ["TASKS", "make_adding", "make_multiplication", "make_temporal_order"]
