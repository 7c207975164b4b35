"""The page as a whole in a real browser: its tabs, and what it does when the gateway will not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from playwright.sync_api import expect
from tests.browser.odd_gateway import OddPage
from tests.browser.outpost import PUBLIC, Outpost
from tests.browser.webpage import MILLISECONDS, WebPage, opened, visit
from tests.stack.conftest import Stack

from chorus_ui.panels import GROUPS
from chorus_ui.process import JUDGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

expect.set_options(timeout=MILLISECONDS)

KEY: Final = "test-key-of-a-visitor"

# The texts that are seen, with their contrast to what is behind them, where it is below WCAG's AA.
CONTRASTS: Final = """() => {
  const linear = v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const channel = v => linear(v / 255);
  const read = c => [...c.match(/[\\d.]+/g).map(Number), 1].slice(0, 4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = read(getComputedStyle(e).backgroundColor);
      if (c[3] > 0.9) return c;
    }
    return [255, 255, 255, 1];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    const seen = e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    if (!seen || !walker.currentNode.data.trim()) continue;
    const [a, b] = [light(read(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${walker.currentNode.data.trim()}`);
  }
  return poor;
}"""


@pytest.fixture(scope="module")
def outpost(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outpost]:
    """A page with a gateway of its own, that a test may stop and start with other settings."""
    outpost = Outpost.start(tmp_path_factory.mktemp("outpost"), stack.v2.removesuffix("/v2"))
    yield outpost
    assert outpost.end() == 0, outpost.webpage.log.read_text()


@pytest.fixture(scope="module")
def page(browser: Browser, webpage: WebPage) -> Iterator[Page]:
    """One visit for the tests that only look around."""
    with browser.new_context() as context:
        yield from opened(context, webpage)


def type_text(page: Page, text: str) -> None:
    page.get_by_label("A text, in any language").fill(text)


def expect_answers(page: Page) -> None:
    expect(page.locator("#process-answers li")).to_have_count(len(JUDGES))


def test_every_task_that_is_served_has_a_tab(page: Page, stack: Stack) -> None:
    listed = httpx.get(f"{stack.url}/models", timeout=60).json()["models"]
    served = {model["task"] for model in listed}
    for group, panels in GROUPS.items():
        page.get_by_role("tab", name=group, exact=True).click()
        for panel in panels:
            tab = page.get_by_role("tab", name=panel.title, exact=True)
            expect(tab).to_have_count(1 if panel.task in served else 0)


def test_a_phone_shows_it_without_scrolling_sideways(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 760})
    page.get_by_role("tab", name="Classifiers", exact=True).click()
    type_text(page, "Hello")
    expect_answers(page)
    for group in ("Classifiers", *GROUPS):
        page.get_by_role("tab", name=group, exact=True).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.set_viewport_size({"width": 1200, "height": 900})


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_it_is_light_or_dark_as_the_browser_is(
    browser: Browser, webpage: WebPage, scheme: str
) -> None:
    with browser.new_context(color_scheme="dark" if scheme == "dark" else "light") as context:
        for page in opened(context, webpage):
            type_text(page, "Hello")
            expect_answers(page)
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            red = int(background.removeprefix("rgb(").partition(",")[0])
            assert (red > 128) == (scheme == "light"), background
            assert page.evaluate(CONTRASTS) == []
            page.get_by_role("tab", name="Text", exact=True).click()
            assert page.evaluate(CONTRASTS) == []


def test_the_keyboard_reaches_everything_and_answers_are_read_out(page: Page) -> None:
    page.get_by_role("tab", name="Classifiers", exact=True).click()
    type_text(page, "Hello")
    expect_answers(page)
    assert page.locator("#process-answers").get_attribute("aria-live") == "polite"
    assert page.locator("html").get_attribute("lang") == "en"
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue  # after the last, before the first
        focus = page.evaluate(
            """() => { const e = document.activeElement; return [
                e.getAttribute('role') ?? e.tagName.toLowerCase(), e.innerText?.trim() ?? '',
                parseFloat(getComputedStyle(e).outlineWidth), getComputedStyle(e).outlineStyle] }"""
        )
        reached.add((focus[0], focus[1][:12]))
        assert focus[2] >= 2, f"{focus} does not show that it has the focus"
        assert focus[3] != "none", f"{focus} does not show that it has the focus"
    assert ("a", "API referenc") in reached
    assert ("tab", "Classifiers") in reached
    assert ("textarea", "") in reached
    assert ("button", "This is how ") in reached
    assert any(name.startswith("The request") for _, name in reached)


def test_it_says_that_the_gateway_is_gone_and_goes_on_when_it_is_back(
    context: BrowserContext, outpost: Outpost
) -> None:
    page = context.new_page()
    visit(page, outpost.webpage.url)
    type_text(page, "Typed before")
    expect_answers(page)
    page.get_by_role("button", name="The request").click()
    expect(page.locator(".cm-content").first).to_contain_text(f"{PUBLIC}/process")
    link = page.get_by_role("link", name="API reference")
    assert link.get_attribute("href") == f"{PUBLIC}/docs"
    outpost.stop_gateway()
    banner = page.locator("#banner")
    expect(banner).to_contain_text("The gateway does not answer")
    expect(page.get_by_label("A text, in any language")).to_have_value("Typed before")
    type_text(page, "Typed while it was gone")
    expect(page.locator("#tabs .chorus-error")).to_contain_text("The gateway does not answer")
    outpost.start_gateway()
    expect(banner).to_be_empty()
    expect(page.get_by_label("A text, in any language")).to_have_value("Typed while it was gone")
    type_text(page, "Typed after")
    expect_answers(page)


def test_an_api_key_is_asked_for_and_travels_with_each_call(
    context: BrowserContext, outpost: Outpost
) -> None:
    outpost.stop_gateway()
    outpost.start_gateway(CHORUS_API_KEYS=KEY)
    page = context.new_page()
    page.goto(outpost.webpage.url)
    box = page.get_by_label("API key")
    expect(box).to_be_visible()
    assert box.get_attribute("type") == "password"
    expect(page.locator("#banner")).to_contain_text("API key")
    box.fill(KEY)
    type_text(page, "Hello")
    expect_answers(page)
    page.get_by_role("button", name="The request").click()
    expect(page.locator(".cm-content").first).to_contain_text("Authorization: Bearer $KEY")
    assert KEY not in page.content()
    assert KEY not in outpost.webpage.log.read_text()
    outpost.stop_gateway()
    outpost.start_gateway()


def test_visitors_share_nothing_and_do_not_wait_for_each_other(
    browser: Browser, odd: OddPage
) -> None:
    with browser.new_context() as one, browser.new_context() as other:
        waiting, served = one.new_page(), other.new_page()
        visit(waiting, odd.webpage.url)
        visit(served, odd.webpage.url)
        with waiting.expect_request(re.compile("/queue/join")):
            type_text(waiting, "wait")
        expect(served.get_by_label("A text, in any language")).to_have_value("")
        type_text(served, "Hello")
        expect(served.locator("#process-answers li")).to_have_count(1)
        expect(waiting.locator("#process-answers li")).to_have_count(0)
        odd.go.set()
        expect(waiting.locator("#process-answers li")).to_have_count(1)
        expect(waiting.get_by_label("A text, in any language")).to_have_value("wait")
