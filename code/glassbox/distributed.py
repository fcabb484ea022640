"""Several processes that train one model: who takes part, what each holds, and what they share."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn

from glassbox import checks

STRATEGIES = ("ddp", "fsdp")
"""How processes share the work. `"ddp"` gives each a whole model and a part of each batch; `"fsdp"`
gives each a part of every matrix as well."""


@dataclass(frozen=True)
class Group:
    """The processes that train together, seen from one of them; without torchrun there is one.

    Args:
        rank: number of this process, from 0.
        world: number of processes.
        device: where this one computes.
        strategy: `"ddp"` or `"fsdp"`.

    Example:
        >>> with process_group() as group:
        ...     group.rank, group.world, group.leads
        (0, 1, True)
    """

    rank: int
    world: int
    device: torch.device
    strategy: str

    @property
    def leads(self) -> bool:
        """Whether this process is the one that prints and writes files."""
        return self.rank == 0

    @property
    def sharded(self) -> bool:
        """Whether no process holds the whole model."""
        return self.world > 1 and self.strategy == "fsdp"

    def share(self, model: nn.Module) -> nn.Module:
        """Return the model as this process trains it.

        Args:
            model: the same in every process, on `device`, with `blocks` for `"fsdp"`.

        Returns:
            The model itself where it is alone or cut into parts in place, else a wrapper whose
            backward pass averages gradients over all processes.

        Source:
            Li et al. (2020), "PyTorch Distributed", section 3,
            https://doi.org/10.48550/arXiv.2006.15704; Zhao et al. (2023), "PyTorch FSDP", section
            3, https://doi.org/10.48550/arXiv.2304.11277
        """
        if self.world == 1:
            return model
        if self.strategy == "ddp":
            return nn.parallel.DistributedDataParallel(model)
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(self.device.type, (self.world,))
        for block in model.blocks:
            fully_shard(block, mesh=mesh)
        return fully_shard(model, mesh=mesh)


@contextmanager
def process_group(strategy: str = "ddp", device: str | None = None) -> Iterator[Group]:
    """Join the processes that `torchrun` started; outside of torchrun, be the only one.

    Args:
        strategy: `"ddp"` or `"fsdp"`.
        device: `"cpu"` or `"cuda"`; a GPU, if there is one, if not given.

    Yields:
        The group. When the body is left, so is the group.

    Raises:
        ValueError: if the strategy is unknown, or there is no such device.

    Example:
        >>> with process_group(device="cpu") as group:
        ...     group.device
        device(type='cpu')
    """
    checks.one_of("strategy", strategy, STRATEGIES)
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    checks.one_of("device", kind, ("cpu", "cuda"))
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but PyTorch sees no GPU here. Use device='cpu'.")
    world = int(os.environ.get("WORLD_SIZE", 1))
    if world == 1:
        yield Group(0, 1, torch.device(kind), strategy)
        return
    place = torch.device(kind, int(os.environ["LOCAL_RANK"])) if kind == "cuda" else "cpu"
    if kind == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    try:
        yield Group(dist.get_rank(), world, torch.device(place), strategy)
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Return the number of this process; 0 where it is alone.

    Example:
        >>> rank()
        0
    """
    return dist.get_rank() if _several() else 0


def world() -> int:
    """Return the number of processes; 1 where there is one.

    Example:
        >>> world()
        1
    """
    return dist.get_world_size() if _several() else 1


def mean(value: int | float, device: torch.device | str = "cpu") -> float:
    """Return the mean of a number over all processes; the number itself where there is one.

    Args:
        value: this process's number.
        device: where the processes exchange numbers: the one they compute on.

    Example:
        >>> mean(0.5)
        0.5
    """
    if not _several():
        return float(value)
    total = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return total.item() / world()


def wait() -> None:
    """Wait until every process is here.

    Example:
        >>> wait()
    """
    if _several():
        dist.barrier()


def whole(tensor: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return a tensor of which each process may hold a part; every process must ask.

    Args:
        tensor: a tensor, whole or in parts.

    Example:
        >>> whole(torch.ones(2))
        tensor([1., 1.])
    """
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def parted_like(
    stored: Float[Tensor, "*shape"], own: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Return a whole tensor on the device of another, in parts where that one is.

    Args:
        stored: the whole tensor, the same in every process.
        own: the tensor it belongs to, of the same shape.

    Example:
        >>> parted_like(torch.ones(2), torch.zeros(2))
        tensor([1., 1.])
    """
    if not hasattr(own, "full_tensor"):
        return stored.to(own.device)
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(stored.to(own.device), own.device_mesh, own.placements)


def _several() -> bool:
    """Return whether there are other processes."""
    return dist.is_available() and dist.is_initialized()
