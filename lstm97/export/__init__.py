"""Fitted nets that leave Python: as C, as ONNX, or as a PyTorch module.

Import from here what you need; ONNX and PyTorch are loaded when their functions are called.
"""

from lstm97.export.c import to_c
from lstm97.export.onnx import to_onnx
from lstm97.export.torch import from_torch, to_torch

__all__ = ["from_torch", "to_c", "to_onnx", "to_torch"]
