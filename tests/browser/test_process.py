"""The first tab in a real browser: a text is answered by every classifier as it is typed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from playwright.sync_api import expect
from tests.browser.webpage import MILLISECONDS, WebPage, opened
from tests.stack.conftest import Stack

from chorus_ui.process import EXAMPLES, HINT, JUDGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

expect.set_options(timeout=MILLISECONDS)

MARKUP: Final = "<img src=x onerror=\"document.title='hacked'\"><b>${1+1}{{2}}</b>"


@pytest.fixture(scope="module")
def page(browser: Browser, webpage: WebPage) -> Iterator[Page]:
    """One visit for all the tests: what was typed before makes no difference."""
    with browser.new_context() as context:
        yield from opened(context, webpage)


def text_of(page: Page) -> Locator:
    return page.get_by_label("A text, in any language")


def bars_of(page: Page) -> Locator:
    return page.locator("#process-answers li")


def request_of(page: Page, language: str) -> Locator:
    """The request to copy, in the shell or in Python, as it is shown."""
    accordion = page.locator(".chorus-request").filter(visible=True)
    code = accordion.locator(".cm-content").nth(("curl", "Python").index(language))
    if not code.is_visible():
        accordion.get_by_role("button", name="The request").click()
    return code


def asked(stack: Stack, text: str) -> dict[str, dict[str, object]]:
    answer = httpx.post(f"{stack.url}/process", json=text, timeout=60)
    answers: dict[str, dict[str, object]] = answer.raise_for_status().json()
    return answers


def test_what_is_typed_is_answered_by_every_classifier(page: Page, stack: Stack) -> None:
    expect(page.get_by_text(HINT)).to_be_visible()
    text_of(page).press_sequentially("I love this")
    for row, (name, answer) in enumerate(asked(stack, "I love this").items()):
        bar = bars_of(page).nth(row)
        expect(bar).to_contain_text(JUDGES[name].question)
        expect(bar).to_contain_text(str(answer["label"]))
        expect(bar).to_contain_text(f"{answer['score']:.3f}")
    expect(bars_of(page)).to_have_count(len(JUDGES))
    expect(page.locator(".chorus-answered")).to_have_text(
        re.compile(r"^[\d.]+ m?s · a stand-in answered$")
    )


def test_the_last_text_wins(page: Page, stack: Stack) -> None:
    last = "Das ist ein sehr schöner Tag"
    text_of(page).press_sequentially(last)
    expect(bars_of(page).nth(1)).to_contain_text(str(asked(stack, last)["ivanlau"]["label"]))
    expect(request_of(page, "curl")).to_contain_text(last)


def test_an_example_asks_at_one_click(page: Page, stack: Stack) -> None:
    for example in EXAMPLES[::2]:
        page.locator("#process-examples button", has_text=example[:20]).click()
        expect(text_of(page)).to_have_value(example)
        label = str(asked(stack, example)["ivanlau"]["label"])
        expect(bars_of(page).nth(1)).to_contain_text(label)


def test_an_empty_text_shows_a_hint(page: Page) -> None:
    text_of(page).fill("Hello")
    expect(bars_of(page)).to_have_count(len(JUDGES))
    text_of(page).fill("")
    expect(bars_of(page)).to_have_count(0)
    expect(page.get_by_text(HINT)).to_be_visible()


def test_enter_asks_again(page: Page) -> None:
    text_of(page).fill("Hello")
    expect(bars_of(page)).to_have_count(len(JUDGES))
    with page.expect_request(re.compile("/gradio_api/queue/join")):
        text_of(page).press("Enter")
    expect(text_of(page)).to_have_value("Hello")


def test_a_text_of_markup_is_a_text(page: Page) -> None:
    text_of(page).fill(MARKUP)
    expect(request_of(page, "curl")).to_contain_text("<b>${1+1}{{2}}</b>")
    expect(bars_of(page)).to_have_count(len(JUDGES))
    assert page.locator("img[src=x]").count() == 0
    assert page.title() == "Chorus"


@pytest.mark.slow
def test_a_text_that_is_too_long_is_told_and_not_lost(page: Page) -> None:
    text = "long " * 215_000
    text_of(page).fill(text)
    expect(page.locator(".chorus-error")).to_contain_text("more than the gateway takes")
    assert text_of(page).input_value() == text


def test_the_request_can_be_copied_and_run(page: Page, stack: Stack, tmp_path: Path) -> None:
    text = 'It\'s "quoted" $HOME `id` \\ 👍 नमस्ते'
    text_of(page).fill(text)
    expect(request_of(page, "curl")).to_contain_text("नमस्ते")
    expected = asked(stack, text)
    command = request_of(page, "curl").inner_text()
    in_shell = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True
    )
    assert json.loads(in_shell.stdout).keys() == expected.keys()
    program = request_of(page, "Python").inner_text()
    in_python = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=True, text=True
    )
    assert str(expected["ivanlau"]["label"]) in in_python.stdout


def test_the_stand_ins_are_told(page: Page) -> None:
    expect(page.locator(".chorus-standin").first).to_contain_text("stand-ins")
