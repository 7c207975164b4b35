"""What a tab is: a task, its title, and who builds it."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from chorus_ui.desk import Desk


@dataclass(frozen=True)
class Panel:
    """A tab for the models of one task."""

    task: str
    title: str
    build: Callable[[Desk, gr.Dropdown], None]
    """Adds the tab's content below the dropdown with its models, within `gr.Blocks`."""
