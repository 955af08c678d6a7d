"""The paper's tasks: functions `make_...` for users, and `TASKS` for the experiments."""

from lstm97.tasks.continual import ContinualOrder, ContinualReber, make_continual_reber
from lstm97.tasks.long_lag import (
    LongLag,
    RandomMiddle,
    TwoSequences,
    make_long_lag,
    make_noise_free_lag,
    make_random_lag,
)
from lstm97.tasks.marked import adding, make_adding, make_multiplication, multiplication
from lstm97.tasks.reber import EmbeddedReber, make_embedded_reber
from lstm97.tasks.temporal_order import TemporalOrder, make_temporal_order
from lstm97.tasks.two_classes import TwoClasses, make_two_classes

TASKS = {
    "embedded reber": EmbeddedReber,
    "continual reber": ContinualReber,
    "continual order": ContinualOrder,
    "noise-free lag": TwoSequences,
    "random lag": RandomMiddle,
    "long lag": LongLag,
    "two classes": TwoClasses,
    "adding": adding,
    "multiplication": multiplication,
    "temporal order": TemporalOrder,
}

__all__ = [
    "TASKS",
    "make_adding",
    "make_continual_reber",
    "make_embedded_reber",
    "make_long_lag",
    "make_multiplication",
    "make_noise_free_lag",
    "make_random_lag",
    "make_temporal_order",
    "make_two_classes",
]
