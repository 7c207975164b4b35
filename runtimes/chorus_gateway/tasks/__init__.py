"""Hugging Face's tasks: what each takes, how that travels over V2, and how it is answered.

body ─request─▶ TaskRequest ─wire─▶ V2 ─▶ model server ─▶ V2 ─wire─▶ results ─shapes─▶ JSON

`table.py` has one row per task; ADDING.md says how to add one.
"""
