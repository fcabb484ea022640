"""All costs of a model in one table."""

from dataclasses import dataclass

from glassbox.costs.flops import flops_by_part
from glassbox.costs.memory import MemoryEstimate, memory
from glassbox.gpt import GPTConfig
from glassbox.inspection.tables import Row, Table

PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, repr=False)
class Costs:
    """What one training step costs. Printed, it is a table.

    Attributes:
        batch: number of sequences.
        seq: tokens in each.
        forward: operations of the forward pass, part by part.
        memory: the bytes of each kind.
        notes: what was assumed.

    Example:
        >>> from glassbox.gpt import preset
        >>> costs = summary(preset("character"), batch=1, seq=8)
        >>> costs.training, costs.memory.parameters
        (9833472, 832772)
    """

    batch: int
    seq: int
    forward: dict[str, int]
    memory: MemoryEstimate
    notes: tuple[str, ...]

    @property
    def training(self) -> int:
        """Operations of a forward and a backward pass."""
        return 3 * sum(self.forward.values())

    def __repr__(self) -> str:
        """Return the table for a terminal."""
        return self._table().text()

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return self._table().html()

    def _table(self) -> Table:
        """Lay out operations, then bytes, each with its share."""
        forward, used = sum(self.forward.values()), self.memory.total
        rows = [Row(0, ["forward pass", scaled(forward, "FLOP"), ""])]
        rows += [
            Row(1, [part.replace("_", "-"), scaled(count, "FLOP"), f"{count / forward:.1%}"])
            for part, count in self.forward.items()
        ]
        rows.append(Row(0, ["forward and backward", scaled(self.training, "FLOP"), ""]))
        rows.append(Row(0, ["memory for training", scaled(used, "B"), ""]))
        for kind in ("parameters", "gradients", "optimizer", "activations"):
            count = getattr(self.memory, kind)
            rows.append(Row(1, [kind, scaled(count, "B"), f"{count / used:.1%}"]))
        rows.append(Row(0, ["cache for each token", scaled(self.memory.cache_per_token, "B"), ""]))
        title = f"Batch of {self.batch:,} × {self.seq:,} tokens"
        return Table(title, ["cost", "amount", "share"], rows, numbers={1, 2}, notes=self.notes)


def summary(
    config: GPTConfig,
    batch: int,
    seq: int,
    *,
    optimizer: str = "adamw",
    precision: str = "float32",
    attention: str = "fused",
) -> Costs:
    """Return what one training step of a GPT costs, in operations and in memory.

    Args:
        config: the model's settings.
        batch: number of sequences.
        seq: tokens in each.
        optimizer: as in `memory`.
        precision: as in `memory`.
        attention: as in `memory`.

    Returns:
        The costs; printed, they are a table.

    Raises:
        TypeError: as `memory`.
        ValueError: as `memory`.

    Example:
        >>> from glassbox.gpt import preset
        >>> print(summary(preset("gpt2"), batch=12, seq=1_024))
        Batch of 12 × 1,024 tokens
        <BLANKLINE>
        cost                      amount  share
        forward pass          3.50 TFLOP
          projections          696 GFLOP  19.9%
          attention            464 GFLOP  13.3%
          feed-forward        1.39 TFLOP  39.8%
          head                 949 GFLOP  27.1%
        forward and backward  10.5 TFLOP
        memory for training      11.8 GB
          parameters              498 MB   4.2%
          gradients               498 MB   4.2%
          optimizer               996 MB   8.4%
          activations            9.80 GB  83.1%
        cache for each token     73.7 kB
        <BLANKLINE>
        Memory with adamw, float32 and fused attention; 1 GB is 10⁹ bytes.
    """
    used = memory(config, batch, seq, optimizer=optimizer, precision=precision, attention=attention)
    notes = (f"Memory with {optimizer}, {precision} and {attention} attention; 1 GB is 10⁹ bytes.",)
    return Costs(batch, seq, flops_by_part(config, batch, seq), used, notes)


def scaled(amount: int | float, unit: str) -> str:
    """Return an amount with three digits and a prefix, such as 3.50 TFLOP."""
    size, prefix = next(((s, p) for s, p in PREFIXES if amount >= s), (1, ""))
    number = amount / size
    digits = 0 if size == 1 else 2 if number < 10 else 1 if number < 100 else 0
    return f"{number:.{digits}f} {prefix}{unit}"
