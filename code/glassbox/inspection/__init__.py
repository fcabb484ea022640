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
    "show",
    "trace_shapes",
    "ShapeTrace",
    "Step",
    "count_parameters",
    "ParameterCount",
    "Part",
    "count_modules",
    "record_attention",
    "record_stream",
    "record",
    "record_inputs",
    "ablate_heads",
    "head_contributions",
    "logit_lens",
    "qk_circuit",
    "ov_circuit",
    "head_matrices",
    "HeadMatrices",
]
