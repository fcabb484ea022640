"""Attention: the formula as a function, one head, many heads, and the key-value cache."""

from glassbox.attention.cache import KeyValueCache
from glassbox.attention.functions import attention, fused_attention
from glassbox.attention.heads import HeadList, SelfAttention, simple_self_attention
from glassbox.attention.multi_head import MultiHeadAttention, fuse

ATTENTIONS = {"multi_head": MultiHeadAttention, "head_list": HeadList}
"""The two forms of multi-head attention, by their names in a configuration."""

__all__ = [
    "ATTENTIONS",
    "attention",
    "fused_attention",
    "simple_self_attention",
    "SelfAttention",
    "HeadList",
    "MultiHeadAttention",
    "fuse",
    "KeyValueCache",
]
