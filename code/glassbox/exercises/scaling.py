"""Checks of the exercises in the chapter on why the scores are scaled."""
