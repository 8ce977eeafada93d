"""Retrieve in a real browser: search a text, see results, click a card, open the same view elsewhere."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser
RELATIONS = (("same patient", "✓", "solid"), ("same finding", "≈", "double"), ("other", "–", "dashed"))


def results(page: Page) -> Locator:
    return page.locator("[class*='st-key-hit_'], [class*='st-key-paper_']")


def words(page: Page, count: int) -> list[str]:
    """Return what every card says, in order, as soon as all are drawn whole."""
    expect(results(page).get_by_role("button", name="similar")).to_have_count(count, timeout=30_000)
    return [one.inner_text() for one in results(page).all()]


def test_a_typed_text_finds_films_and_a_second_browser_sees_the_same(
    page: Page, app_url: str, browser: Browser
) -> None:
    page.goto(f"{app_url}/retrieve")
    expect(page.get_by_text("Type what to look for")).to_be_visible()
    box = page.get_by_label("Search by text")
    box.fill("small left pleural effusion")
    box.press("Enter")
    results(page).nth(9).wait_for()
    expect(page.get_by_text("Query: text → films")).to_be_visible()
    expect(results(page).first).to_contain_text(re.compile(r"^1 [≈–] (same finding|other)"))
    page.get_by_role("radio", name="5", exact=True).click()
    expect(results(page)).to_have_count(5)
    page.get_by_text("Paper colours").click()
    page.wait_for_url(re.compile("paper=true"))
    expect(page.locator("[class*='st-key-paper_']")).to_have_count(5)
    second = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    second.set_default_timeout(30_000)
    second.goto(page.evaluate("location.href"))
    assert words(second, 5) == words(page, 5)
    expect(second.locator("[class*='st-key-paper_']")).to_have_count(5)
    expect(second.get_by_label("Search by text")).to_have_value("small left pleural effusion")
    second.context.close()


def test_a_click_anywhere_on_a_card_opens_its_study(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/retrieve?study=normal")
    results(page).nth(9).wait_for()
    card = results(page).nth(2)
    name = card.get_by_role("button").first.inner_text()
    box = card.locator("img").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(f"/case.*study={name}"))
    expect(page.get_by_text("in retrieval, film → films")).to_be_visible()


def test_searching_on_from_a_card_stays_on_the_page(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/retrieve?study=normal&dir=reports&sib=true")
    card = results(page).first
    card.wait_for()
    name = card.get_by_role("button").first.inner_text()
    card.get_by_role("button", name="similar").click()
    page.wait_for_url(re.compile(f"/retrieve.*study={name}"))
    expect(page.get_by_text("Query: film → reports")).to_be_visible()


def test_relations_differ_by_sign_word_and_kind_of_line(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/retrieve?study=drawn-1&dir=reports&sib=true")
    for relation, sign, line in RELATIONS:
        card = page.locator(f"[class*='st-key-hit_{relation.replace(' ', '_')}']").first
        card.wait_for()
        expect(card).to_contain_text(f"{sign} {relation}")
        expect(card).to_have_css("border-top-style", line)


def test_texts_of_reports_and_links_are_never_markup(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/retrieve?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&dir=sentences&k=20")
    results(page).first.wait_for()
    expect(page.get_by_text("“<img src=x onerror=alert(1)>”")).to_be_visible()
    hostile = results(page).filter(has_text="<b>Bold</b> *stars* $x$ [link](javascript:alert(1)).")
    expect(hostile).to_have_count(1)
    assert hostile.locator("b, a, em, .katex").count() == 0


@pytest.mark.parametrize("more", ["", "&dir=reports", "&dir=sentences&qi=f1"])
def test_every_picture_has_words(page: Page, app_url: str, more: str) -> None:
    page.goto(f"{app_url}/retrieve?study=drawn-1{more}")
    page.locator("[class*='st-key-hit_'] img").first.wait_for()
    texts = [one.get_attribute("alt") for one in page.locator("[data-testid=stImage] img").all()]
    assert len(texts) > 1
    assert all(texts)
