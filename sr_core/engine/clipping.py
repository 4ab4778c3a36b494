"""The mending of what clipping breaks (`sr_core.engine.consistency`), as one foreign call: TorchScript takes its steps
without the interpreter's lock.

A bright block takes about a thousand small operations. Called one by one from Python, each has to take the lock again,
from the other lane and from the drawing thread: a block that takes 30 ms on its own took 130.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

_SOURCE = """
def free_share(x: Tensor, pull: Tensor, row: Tensor, column: Tensor, scale: int, least: float) -> Tensor:
    apart = scale // 2
    samples = torch.arange(-1, 3, device=x.device) * apart + apart // 2
    rows = (row.unsqueeze(1) * scale + samples).clamp_(0, x.size(0) - 1)
    columns = (column.unsqueeze(1) * scale + samples).clamp_(0, x.size(1) - 1)
    found = torch.take(x, (rows * x.size(1)).unsqueeze(2) + columns.unsqueeze(1)).flatten(1)
    free = torch.where(pull.unsqueeze(1) > 0.0, found < 255.0, found > 0.0)
    return free.float().mean(dim=1).clamp_(min=least)

def touched(moves: Tensor, rows: List[List[int]], columns: List[List[int]]) -> List[List[int]]:
    lines: List[Tensor] = []
    for cell in rows:
        lines.append(moves[cell[8] : cell[9]].any(dim=0))
    stacked = torch.stack(lines)
    cells: List[Tensor] = []
    for cell in columns:
        cells.append(stacked[:, cell[8] : cell[9]].any(dim=1))
    found: List[List[int]] = torch.stack(cells, dim=1).nonzero().cpu().tolist()
    return found

def mend(x: Tensor, y: Tensor, error: Tensor, left_alone: List[float], scale: int, rows: List[List[int]],
         columns: List[List[int]], down: List[Tensor], across: List[Tensor], shrink_down: List[Tensor],
         shrink_across: List[Tensor], length: float, momentum: float, negligible: float, least: float) -> Tensor:
    step = torch.zeros_like(y)
    for slack in left_alone:
        pull = torch.ops.aten.softshrink(error, slack)
        wrong = pull.nonzero()
        if wrong.size(0) == 0:
            return x
        row, column = wrong.unbind(1)
        at = row * y.size(1) + column
        pulls = torch.take(pull, at)
        step = torch.ops.aten.hardshrink(momentum * step, negligible)
        free = free_share(x, pulls, row, column, scale, least)
        step.view(-1).index_add_(0, at, length * pulls / free)
        cells = touched(step != 0.0, rows, columns)
        for cell in cells:
            r, c = rows[cell[0]], columns[cell[1]]
            wide = step[r[2] : r[3], c[2] : c[3]] @ across[cell[1]].t()
            x[r[0] : r[1], c[0] : c[1]].addmm_(down[cell[0]], wide).clamp_(0.0, 255.0)
        for cell in cells:
            r, c = rows[cell[0]], columns[cell[1]]
            shrunk = shrink_down[cell[0]] @ x[r[6] : r[7], c[6] : c[7]] @ shrink_across[cell[1]].t()
            here = y[r[4] : r[5], c[4] : c[5]]
            error[r[4] : r[5], c[4] : c[5]].copy_(here - shrunk)
    return x
"""

Mend = Callable[..., Tensor]


@cache
def mend() -> Mend:
    """Return the compiled function, which takes (x, y, error, left_alone, scale, rows, columns, down, across,
    shrink_down, shrink_across, length, momentum, negligible, least) and returns x, changed in place, as is `error`.

    x (h * scale, w * scale) float32 grey levels; y (h, w) and `error`, y minus the shrunk x; `left_alone` in grey
    levels, one for each step. `rows`, `columns`: for each cell of an axis ten bounds, from and to: the part of x that a
    step changes, and the photograph pixels it reads; the photograph pixels whose error is recomputed, and the part of x
    read for that; and the photograph pixels where a step changes that error. `down`, `across`: the matrices of a step;
    `shrink_down`, `shrink_across`: those of the shrinking. Compiled once, at the first call.
    """
    return torch.jit.CompilationUnit(_SOURCE).mend
