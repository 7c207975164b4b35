"""Every task that transformers has a pipeline for, or once had, behind one V2 model class.

Life of a request: `requests` (V2 to inputs and options) → `lane` (one thread per model; `waiting`
is the line before it) → `calls` (the pipeline itself) → `answers` (JSON) → back as V2. `tasks` is
the table that all of them read.
"""
