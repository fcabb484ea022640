"""The Glass-Box Transformer: every part of a transformer, small enough to see through."""
