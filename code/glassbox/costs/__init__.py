"""What a model costs: operations, memory, and how much of a machine a run makes use of."""

from glassbox.costs.flops import flops_by_part, forward_flops, training_flops
from glassbox.costs.memory import MemoryEstimate, attention_weights_size, cache_size, memory
from glassbox.costs.speed import PEAKS, matmul_rate, utilization
from glassbox.costs.summary import Costs, summary

__all__ = [
    "forward_flops",
    "training_flops",
    "flops_by_part",
    "cache_size",
    "attention_weights_size",
    "memory",
    "MemoryEstimate",
    "utilization",
    "matmul_rate",
    "PEAKS",
    "summary",
    "Costs",
]
