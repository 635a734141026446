"""Where training runs, alone or beside others.

The device is what MINITRANSFORMER_DEVICE names, else the CPU. Several processes started by
``torchrun`` train one model together: each takes its share of every batch, and the gradients are
averaged, so the weights stay the same everywhere.
"""

import os

import torch
import torch.distributed as dist
from torch import nn


def training_device() -> torch.device:
    """Where training runs: what MINITRANSFORMER_DEVICE names, else the CPU.

    Of several processes that ``torchrun`` started, each takes the GPU of its own number.

    Raises:
        RuntimeError: it names a GPU, and torch finds none.
    """
    name = os.environ.get("MINITRANSFORMER_DEVICE", "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise RuntimeError(
            f"MINITRANSFORMER_DEVICE is {name!r}, but torch finds no GPU; unset it to use the CPU"
        )
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    return torch.device(name)


def device_of(model: nn.Module) -> torch.device:
    """Where a model is; the CPU for one without weights."""
    return next((weight.device for weight in model.parameters()), torch.device("cpu"))


class Team:
    """The processes that train one model together; most often just this one.

    ``torchrun --nproc-per-node 4 -m minitransformer train ...`` starts four; each finds the
    others through the environment that ``torchrun`` sets.

    Args:
        device: where this process computes; decides how gradients travel (NCCL or Gloo).
    """

    def __init__(self, device: torch.device):
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = device
        self._started = self.size > 1 and not dist.is_initialized()
        if self._started:
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")

    def share(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """This process's rows of a batch.

        Raises:
            ValueError: the rows cannot be shared out evenly.
        """
        if self.size == 1:
            return batch
        rows = len(next(iter(batch.values())))
        if rows % self.size:
            raise ValueError(
                f"a batch of {rows} rows cannot be shared by {self.size} processes; "
                f"choose a batch size that {self.size} divides"
            )
        return {name: column[self.rank :: self.size] for name, column in batch.items()}

    def agree(self, model: nn.Module) -> None:
        """Give every process the first one's weights."""
        if self.size > 1:
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, 0)

    def average_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.size == 1:
            return
        for parameter in model.parameters():
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= self.size

    def mean(self, values: list[float]) -> list[float]:
        """The mean of each number over the processes."""
        if self.size == 1 or not values:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return (total / self.size).tolist()

    def close(self) -> None:
        """Leave the group, if this team founded it."""
        if self._started:
            dist.destroy_process_group()
