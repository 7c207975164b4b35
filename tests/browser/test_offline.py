"""The page asks nobody but its own server, and nothing that a model says becomes markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import expect
from tests.browser.odd_gateway import HOSTILE, OddPage
from tests.browser.webpage import MILLISECONDS, WebPage, opened
from tests.stack.conftest import Stack

from chorus_ui.panels import GROUPS

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

expect.set_options(timeout=MILLISECONDS)


def test_nothing_comes_from_elsewhere(page: Page) -> None:
    """The fixture looks at every request that the browser makes."""
    for group in GROUPS:
        page.get_by_role("tab", name=group, exact=True).click()
        page.get_by_role("tabpanel").filter(visible=True).last.wait_for()


def test_the_browser_is_told_to_ask_nobody_else(
    context: BrowserContext, webpage: WebPage, stack: Stack
) -> None:
    page = context.new_page()
    page.goto(webpage.url)
    ask = "url => fetch(url, {mode: 'no-cors'}).then(() => 'asked', () => 'refused')"
    assert page.evaluate(ask, f"{stack.url}/healthz") == "refused"
    assert page.evaluate(ask, f"{webpage.url}/healthz") == "asked"


def test_the_browser_is_told_to_run_no_script_but_the_page_s(
    context: BrowserContext, webpage: WebPage
) -> None:
    page = context.new_page()
    page.goto(webpage.url)
    page.evaluate(
        """() => { const e = document.createElement('div'); document.body.append(e);
        e.innerHTML = '<img src="/favicon.ico" onload="window.ran = 1">';
        const s = document.createElement('script'); s.textContent = 'window.ran = 2';
        document.body.append(s) }"""
    )
    page.locator("img[src='/favicon.ico']").evaluate("image => image.decode()")
    assert page.evaluate("window.ran") is None


def test_each_page_has_a_nonce_of_its_own(webpage: WebPage) -> None:
    one, other = (httpx.get(webpage.url).headers["content-security-policy"] for _ in "12")
    assert one != other
    assert "unsafe-inline" not in one.partition("style-src")[0]


def test_markup_from_the_gateway_stays_a_text(context: BrowserContext, odd: OddPage) -> None:
    for page in opened(context, odd.webpage):
        page.get_by_label("A text, in any language").fill(HOSTILE)
        row = page.locator("#process-answers li")
        expect(row).to_contain_text(HOSTILE)
        expect(page.locator(".chorus-answered")).to_contain_text(HOSTILE)
        page.get_by_label("A text, in any language").fill("fail")
        expect(page.locator("#tabs .chorus-error")).to_contain_text(HOSTILE)
        page.get_by_role("tab", name="Text", exact=True).click()
        expect(page.locator(".chorus-model").filter(visible=True)).to_contain_text(HOSTILE)
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("window.ran") is None
