"""Problem sets: release them, grade what comes back, report on it."""
