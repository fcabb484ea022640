"""In which number type a model computes, and why."""

from dataclasses import dataclass

import torch

from glassbox import checks
from glassbox.training.settings import PRECISIONS


@dataclass(frozen=True)
class Precision:
    """A choice of number type: a context to compute in, and a sentence that says why.

    Args:
        device_type: `"cpu"`, `"cuda"` or `"mps"`.
        autocast: whether products of matrices are computed in bfloat16.
        sentence: what was chosen and why.

    Example:
        >>> with choose_precision("bfloat16", torch.device("cpu")).context():
        ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        torch.bfloat16
    """

    device_type: str
    autocast: bool
    sentence: str

    def context(self) -> torch.autocast:
        """Return a context whose body computes in this precision."""
        return torch.autocast(self.device_type, dtype=torch.bfloat16, enabled=self.autocast)


def choose_precision(name: str, device: torch.device) -> Precision:
    """Return the number type that a model on this device computes in.

    The parameters keep their own type: autocast converts them for products of matrices, where
    bfloat16 is fast, and leaves sums such as the softmax alone.

    Args:
        name: `"float32"`, `"bfloat16"`, or `"auto"` for bfloat16 where the hardware multiplies it.
        device: where the model lies.

    Raises:
        ValueError: if `name` is none of these.

    Source:
        Micikevicius et al. (2018), "Mixed Precision Training", section 3,
        https://doi.org/10.48550/arXiv.1710.03740

    Example:
        >>> choose_precision("float32", torch.device("cpu")).sentence
        'No autocast: every product is computed in the type of the parameters, as asked for.'
    """
    checks.one_of("precision", name, PRECISIONS)
    if name == "float32":
        plain = (
            "No autocast: every product is computed in the type of the parameters, as asked for."
        )
        return Precision(device.type, False, plain)
    if name == "bfloat16":
        return Precision(device.type, True, "bfloat16 autocast, as asked for.")
    unit = _multiplies_bfloat16(device)
    if unit is None:
        slow = f"No autocast: this {device.type} has no fast product of bfloat16."
        return Precision(device.type, False, slow)
    return Precision(device.type, True, f"bfloat16 autocast: {unit} multiplies it in hardware.")


def _multiplies_bfloat16(device: torch.device) -> str | None:
    """Return what multiplies bfloat16 fast on this device, or None where nothing is known to."""
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0):
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        units = {
            "_is_amx_tile_supported": "this processor (AMX)",
            "_is_avx512_bf16_supported": "this processor (AVX-512)",
        }
        for name, unit in units.items():  # private names, which other versions may lack
            if getattr(torch.cpu, name, bool)():
                return unit
    return None
