"""Look inside: tensors, shapes, parameters, attention weights, the residual stream, heads."""

from glassbox.inspection.ablation import ablate_heads
from glassbox.inspection.capture import record, record_attention, record_inputs, record_stream
from glassbox.inspection.circuits import head_contributions, logit_lens, ov_circuit, qk_circuit
from glassbox.inspection.heads import HeadMatrices, head_matrices
from glassbox.inspection.parameters import ParameterCount, count_modules, count_parameters
from glassbox.inspection.parts import Part
from glassbox.inspection.shapes import ShapeTrace, trace_shapes
from glassbox.inspection.steps import Step
from glassbox.inspection.tensors import show

__all__ = [
    "HeadMatrices",
    "ParameterCount",
    "Part",
    "ShapeTrace",
    "Step",
    "ablate_heads",
    "count_modules",
    "count_parameters",
    "head_contributions",
    "head_matrices",
    "logit_lens",
    "ov_circuit",
    "qk_circuit",
    "record",
    "record_attention",
    "record_inputs",
    "record_stream",
    "show",
    "trace_shapes",
]
