"""The tabs in a real browser, each with a real model behind it."""

from __future__ import annotations

import io
import re
import time
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image
from tests.browser.webpage import MILLISECONDS, SECONDS, Watch, WebPage, open_task, visit

from chorus_ui.panels import PANELS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Locator, Page

QUICK: Final = (
    "token-classification",
    "table-question-answering",
    "conversational",
    "object-detection",
    "zero-shot-audio-classification",
    "text-to-audio",
)
"""One of each kind of input and output."""


WRITTEN: Final = """() => [...document.querySelectorAll("textarea")].some(
    box => box.value.length > 20 && box.checkVisibility())"""
"""Whether a text stands in some box."""


def example(panel: Locator, index: int = 0) -> None:
    panel.locator("button.gallery-item").nth(index).click(timeout=MILLISECONDS)


def answered(panel: Locator) -> str:
    """The line below the answer, once there is one."""
    line = panel.locator(".chorus-answered, .chorus-error").filter(visible=True).last
    line.wait_for(timeout=MILLISECONDS)
    return line.inner_text()


def upload(panel: Locator, content: bytes) -> None:
    file: FilePayload = {"name": "photo.png", "mimeType": "image/png", "buffer": content}
    panel.locator("input[type=file]").first.set_input_files(file)


def say(panel: Locator, text: str) -> None:
    """Send a message; one that comes while the model is still writing stays in its box."""
    box, talk = panel.get_by_label("Your message"), panel.get_by_label("Conversation")
    box.fill(text)
    give_up = time.monotonic() + SECONDS
    while not talk.get_by_text(text, exact=True).count():
        assert time.monotonic() < give_up
        box.press("Enter")
        panel.page.wait_for_timeout(500)


def try_example(page: Page, task: str) -> None:
    panel = open_task(page, task)
    example(panel)
    assert re.match(r"[\d.]+ m?s · .*stand-in", answered(panel)), task


def test_an_example_of_a_tab_is_answered_at_one_click(page: Page) -> None:
    for task in QUICK:
        try_example(page, task)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_so_it_is_in_every_other_tab(page: Page) -> None:
    for panel in PANELS:
        if panel.task not in QUICK:
            try_example(page, panel.task)


@pytest.mark.slow
def test_no_tab_is_wider_than_a_phone(browser: Browser, webpage: WebPage) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 720})
    page = context.new_page()
    visit(page, webpage.url)
    for task in ("conversational", "table-question-answering", "object-detection"):
        try_example(page, task)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, task
    context.close()


@pytest.mark.slow
def test_markup_stays_text(page: Page) -> None:
    """In a label that the user names, in a conversation, and in a text that is marked."""
    evil = "<img src=x onerror=\"document.title='owned'\">"
    panel = open_task(page, "zero-shot-classification")
    panel.get_by_label("Text").fill("A text")
    panel.get_by_label("Labels").fill(f"{evil},plain")
    panel.locator(".chorus-label", has_text="<img").wait_for(timeout=MILLISECONDS)
    panel = open_task(page, "conversational")
    panel.get_by_label("Your message").fill(f"**{evil}**")
    panel.get_by_role("button", name="Send").click()
    answered(panel)
    panel.get_by_label("Conversation").get_by_text(f"**{evil}**").wait_for(timeout=MILLISECONDS)
    panel = open_task(page, "token-classification")
    panel.get_by_label("Text").fill(evil)
    answered(panel)
    assert page.title() == "Chorus"


@pytest.mark.slow
def test_a_file_that_is_no_image_is_refused_in_words(page: Page) -> None:
    panel = open_task(page, "image-classification")
    upload(panel, b"no image at all")
    error = panel.locator(".chorus-error")
    error.wait_for(timeout=MILLISECONDS)
    assert "image" in error.inner_text()


@pytest.mark.slow
def test_an_image_is_uploaded_and_the_threshold_asks_again(page: Page) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (64, 48), "teal").save(file, "PNG")
    panel = open_task(page, "object-detection")
    upload(panel, file.getvalue())
    answered(panel)
    panel.locator("input[type=number]").fill("1")
    panel.locator("input[type=number]").press("Enter")
    panel.get_by_text("Nothing found.").wait_for(timeout=MILLISECONDS)


@pytest.mark.slow
def test_a_conversation_goes_on_and_begins_anew(page: Page) -> None:
    panel = open_task(page, "conversational")
    for said in ("Hello", "And now?"):
        say(panel, said)
        assert panel.get_by_label("Your message").input_value() == ""
    panel.get_by_label("Conversation").get_by_text("Hello").first.wait_for(timeout=MILLISECONDS)
    panel.get_by_role("button", name="New conversation").click()
    panel.get_by_text("And now?").first.wait_for(state="detached", timeout=MILLISECONDS)


@pytest.mark.slow
def test_writing_stops_when_it_is_told_to_and_may_begin_again(page: Page) -> None:
    panel = open_task(page, "text-generation")
    panel.get_by_label("Beginning").fill("Once")
    panel.locator("input[type=number]").first.fill("500")
    panel.get_by_role("button", name="Write", exact=True).click()
    page.wait_for_function(WRITTEN, timeout=MILLISECONDS)
    panel.get_by_role("button", name="Stop", exact=True).click()
    panel.get_by_text("Stopped.").wait_for(timeout=MILLISECONDS)
    example(panel)
    answered(panel)


@pytest.mark.slow
def test_a_microphone_makes_a_recording_that_the_model_takes(
    browser: Browser, webpage: WebPage
) -> None:
    """With the tone that Chromium plays to who has no microphone."""
    context = browser.new_context(permissions=["microphone"])
    page = context.new_page()
    watch = Watch(webpage.url)
    watch.attach(page)
    visit(page, webpage.url)
    panel = open_task(page, "audio-classification")
    panel.get_by_label("Record audio").click()
    panel.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(1500)
    panel.get_by_role("button", name="Stop", exact=True).click()
    assert "stand-in" in answered(panel)
    assert not watch.elsewhere
    context.close()
