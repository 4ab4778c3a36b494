"""The cost of a network, counted and not measured: parameters, and the multiply-adds of its convolutions and dense
layers."""

import copy
from math import prod

import torch
from torch import Tensor, nn


def parameters(module: nn.Module) -> int:
    """Return the number of learned parameters; running averages of batch normalisation do not count."""
    return sum(parameter.numel() for parameter in module.parameters())


def multiply_adds(module: nn.Module, height: int, width: int) -> int:
    """Return the multiply-adds of one forward pass over one (3, height, width) input, in convolutions and dense layers
    only: activations, normalisation and a bicubic enlargement come on top. Computes no pixel and changes no weight."""
    count = 0

    def add(layer: nn.Conv2d | nn.Linear, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal count
        count += layer.weight.numel() * prod(output.shape[2:])

    shapes = copy.deepcopy(module).to("meta").eval()
    for layer in shapes.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(add)
    shapes(torch.empty(1, 3, height, width, device="meta"))
    return count
