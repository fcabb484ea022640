"""Checks of the exercises in the chapter on masks."""
