"""GPT-2's published files under this package's names, and back."""

from glassbox.pretrained.files import read, write
from glassbox.pretrained.hub import tokenizer_folder

__all__ = ["read", "write", "tokenizer_folder"]
