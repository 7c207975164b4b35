"""What the page's process keeps of a visitor: nothing of what was typed."""

from __future__ import annotations

import gradio as gr
import pytest
from gradio.state_holder import SessionState, StateHolder

from chorus_ui import forgetful


def test_a_session_keeps_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionState, "_update_value_in_config", None)  # put back in the end
    monkeypatch.setattr("traceback.print_exc", None)
    forgetful.set_up()
    with gr.Blocks() as page:
        key = gr.Textbox()
        key.change(lambda typed: None, key, None)
    holder = StateHolder()  # type: ignore[no-untyped-call]
    holder.set_blocks(page)
    session = holder["visitor"]
    session._update_value_in_config(key._id, "secret-key")
    assert "secret-key" not in repr(list(session.components))
