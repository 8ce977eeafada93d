"""The worklist in a real browser: search, narrow, open; unknown links end kindly."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from serving import served

pytestmark = pytest.mark.browser


def test_search_narrows_and_says_what_was_left_out(page: Page, app_url: str) -> None:
    page.goto(app_url)
    expect(page.get_by_text("18 of 18 studies")).to_be_visible()
    box = page.get_by_label("Search reports")
    box.fill("clear lungs")
    box.press("Enter")
    expect(page.get_by_text("1 of 18 studies · left out by text 17")).to_be_visible()
    page.get_by_role("button", name="normal", exact=True).click()
    page.wait_for_url(re.compile("/case.*study=normal"))
    expect(page.get_by_text("1 of 1 in worklist “clear lungs”")).to_be_visible()


def test_pictures_open_the_same_study(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?as=Pictures")
    page.get_by_role("button", name="two-films", exact=True).click()
    page.wait_for_url(re.compile("study=two-films"))


@pytest.mark.parametrize("path", ["", "case", "read_me"])
def test_an_unknown_study_ends_in_a_kind_sentence_with_the_worklist(
    page: Page, app_url: str, path: str
) -> None:
    page.goto(f"{app_url}/{path}?study=nobody")
    if path != "read_me":
        expect(
            page.get_by_text("This link names a study that this installation does not have.")
        ).to_be_visible()
        expect(page.get_by_text("18 of 18 studies")).to_be_visible()
    assert "Traceback" not in page.locator("body").inner_text()


def test_an_unknown_run_is_said_and_another_is_shown(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?run=ffffffff")
    expect(page.get_by_text("This link names a run that this installation does not have")).to_be_visible()
    expect(page.get_by_text("18 of 18 studies")).to_be_visible()


@pytest.mark.parametrize("path", ["", "case", "read_me", "case?study=nobody"])
def test_the_notice_is_on_every_page_and_cannot_be_closed(page: Page, app_url: str, path: str) -> None:
    page.goto(f"{app_url}/{path}")
    notice = page.locator(".st-key-notice")
    expect(notice).to_have_text(
        re.compile("Research tool – not for diagnostic use. Model output may be wrong.")
    )
    assert notice.locator("button").count() == 0


def test_no_page_asks_another_machine(page: Page, app_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{app_url}/case?study=drawn-1")
    page.locator(".film[data-ready]").wait_for()
    foreign = [
        url for url in asked if not url.startswith((app_url, "blob:", "data:", app_url.replace("http", "ws")))
    ]
    assert foreign == []


def test_a_deep_link_may_be_the_first_request_of_a_fresh_server(
    page: Page, home_folder: Path, tmp_path: Path
) -> None:
    for url in served(home_folder, tmp_path):
        page.goto(f"{url}/case?study=normal&sent=f1")
        page.locator(".film[data-ready]").wait_for()
        expect(page.locator(".says")).to_contain_text("Sentence f1 (denied in the report)")
        expect(page.locator(".st-key-notice")).to_be_visible()
