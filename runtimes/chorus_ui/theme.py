"""How the page looks: the fonts of the system, one colour, light or dark as the browser is."""

from pathlib import Path
from typing import Final

import gradio as gr
from gradio.themes.utils import colors, sizes

FOLDER: Final = Path(__file__).parent / "static"
CSS: Final = (FOLDER / "page.css", FOLDER / "panels.css")
FAVICON: Final = FOLDER / "favicon.svg"
SCRIPT: Final = FOLDER / "page.js"

FONT: Final = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONOSPACE: Final = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def build() -> gr.themes.Base:
    """Return the theme."""
    theme = gr.themes.Base(
        primary_hue=colors.teal,
        neutral_hue=colors.slate,
        font=FONT,
        font_mono=MONOSPACE,
        text_size=sizes.text_md,
        radius_size=sizes.radius_md,
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_label_text_weight="600",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        input_background_fill="white",
        input_background_fill_dark="*neutral_950",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        slider_color="*primary_700",
        slider_color_dark="*primary_400",
    )
