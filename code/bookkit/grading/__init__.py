"""Problem sets: release them, grade what comes back, report on it.

`commands` is the way in. nbgrader does the bookkeeping (`course`), and runs notebooks by `execute`:
tests in its own process, answers in others (`apart`, `process`), which run `answering` behind a
`fence`. `report` and `feedback` write what people read; `stored` tries the graders themselves.
"""
