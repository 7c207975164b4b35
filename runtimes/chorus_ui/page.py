"""What is on the page: the title, the tabs, and what keeps them in step with the gateway."""

from collections.abc import Sequence
from html import escape
from typing import Final

import gradio as gr

from chorus_ui import process
from chorus_ui.desk import Desk
from chorus_ui.gateway import Gateway
from chorus_ui.panels import GROUPS, Panel
from chorus_ui.refresh import Group, Refresh, TaskTab

FILES_SECONDS: Final = (600, 3600)
"""How often uploaded files are looked through, and how old they may become."""

TITLE: Final = """
<header class="chorus-header">
  <h1>Chorus</h1>
  <p>Hugging Face models to try: what you type is answered as you type.</p>
  <a href="{docs}" target="_blank" rel="noopener">API reference</a>
</header>
"""


def build(gateway: Gateway, public_url: str) -> gr.Blocks:
    """Build the page; requests to copy go to `public_url`."""
    page = gr.Blocks(
        title="Chorus", analytics_enabled=False, delete_cache=FILES_SECONDS, fill_width=True
    )
    with page:
        gr.HTML(TITLE.format(docs=escape(f"{public_url}/docs")), elem_classes="chorus-plain")
        banner = gr.HTML(elem_id="banner", elem_classes=["chorus-live", "chorus-plain"])
        key = gr.Textbox(
            label="API key",
            info="It goes to the gateway with each of your requests, and is kept nowhere.",
            type="password",
            visible=False,
            elem_id="key",
        )
        desk = Desk(gateway, public_url, key)
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as outer:
            first = _process_tab(desk)
            groups = [_group(title, panels, desk) for title, panels in GROUPS.items()]
        Refresh(gateway, key, banner, outer, first, groups).build(page)
    return page


def _process_tab(desk: Desk) -> tuple[gr.Tab, gr.HTML]:
    with gr.Tab("Classifiers", id="process", visible=False) as tab:
        notice = gr.HTML(elem_classes="chorus-plain")
        process.build(desk)
    return tab, notice


def _group(title: str, panels: Sequence[Panel], desk: Desk) -> Group:
    with (
        gr.Tab(title, id=title, visible=False) as tab,
        gr.Tabs(elem_classes="chorus-tasks", overflow_behavior="wrap") as inner,
    ):
        tabs = [_task_tab(panel, desk) for panel in panels]
    return Group(tab, inner, tabs)


def _task_tab(panel: Panel, desk: Desk) -> TaskTab:
    with gr.Tab(panel.title, id=panel.task, visible=False) as tab:
        models = gr.Dropdown([], label="Model", visible=False)
        notice = gr.HTML(elem_classes="chorus-plain")
        panel.build(desk, models)
    return TaskTab(panel.task, tab, models, notice)
