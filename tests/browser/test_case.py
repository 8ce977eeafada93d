"""The film viewer in a real browser: hover, keep, threshold, window, deep links, keys."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from medvis.explain import session

pytestmark = pytest.mark.browser
STUDY = "drawn-1"


def opened(page: Page, url: str, study: str = STUDY, more: str = "") -> Locator:
    """Open a case and wait until its film is drawn."""
    page.goto(f"{url}/case?study={study}{more}")
    film = page.locator(".film[data-ready]")
    film.wait_for()
    return film


def word(page: Page, text: str, sentence: str = "f1") -> Locator:
    return page.locator(f"[data-sentence={sentence}] .word", has_text=re.compile(f"^{text}$"))


def pixels(page: Page, places: list[tuple[float, float]]) -> list[list[int]]:
    """Return the colours drawn at places of the fitted 640 x 800 film, given in film pixels."""
    return page.evaluate(
        """(places) => { const all = [...document.querySelectorAll('*')];
           const c = all.map(e => e.shadowRoot?.querySelector('.film canvas')).find(Boolean);
           const by = c.height / 800, left = (c.width - 640 * by) / 2, paint = c.getContext('2d');
           return places.map(([x, y]) => [...paint.getImageData(left + x * by, y * by, 1, 1).data]); }""",
        places,
    )


def pixel(page: Page, x: float, y: float) -> list[int]:
    return pixels(page, [(x, y)])[0]


def test_nothing_lies_over_the_film_until_a_word_is_pointed_at(page: Page, app_url: str) -> None:
    film = opened(page, app_url)
    assert film.get_attribute("data-shown") == ""
    red, green, blue, _ = pixel(page, 320, 720)
    assert red == green == blue


def test_the_film_is_upright_and_the_right_way_round(page: Page, app_url: str) -> None:
    opened(page, app_url)
    assert pixel(page, 460, 560)[0] == pytest.approx(235, abs=2)  # the square, in the left base
    assert pixel(page, 180, 560)[0] < 120
    assert pixel(page, 460, 240)[0] < 120
    expect(page.locator(".marker.left")).to_have_text("R")
    expect(page.locator(".marker.right")).to_have_text("L")


def test_a_film_without_directions_says_so_and_has_no_marker(page: Page, app_url: str) -> None:
    opened(page, app_url, "two-films")
    expect(page.locator(".note")).to_contain_text("orientation not stated")
    expect(page.locator(".marker.left")).to_have_text("")


def test_hovering_a_word_draws_its_map_within_a_frame(page: Page, app_url: str) -> None:
    film = opened(page, app_url)
    times = []
    for text in ("Small", "left", "pleural", "effusion") * 3:
        word(page, text).hover()
        expect(page.locator(".says")).to_contain_text(f"“{text}”")
        times.append(float(film.get_attribute("data-draw-ms") or "nan"))
    assert sorted(times)[len(times) // 2] < 16.7, times


@pytest.mark.parametrize("smooth", [False, True])
def test_exactly_the_cells_that_reach_the_threshold_are_amber(
    page: Page, app_url: str, home_folder: Path, smooth: bool
) -> None:
    opened_run = session.open_session(home_folder / "runs" / "small", home_folder / "cohorts" / "drawn")
    study = opened_run.cohort.study(STUDY)
    seen = opened_run.see(study)
    cells = opened_run.word_maps(study, seen).of("f1", 3)
    assert cells is not None
    shown = np.argwhere(seen.frame.seen_cells((14, 14)))
    places = seen.frame.to_image((shown[:, ::-1] + 0.5) * 16)  # the cells' centres
    film = opened(page, app_url, more=f"&sent=f1&word=3&thr=2&grid={str(not smooth).lower()}")
    expect(film).to_have_attribute("data-shown", "f1:3")
    amber = [red - blue > 8 for red, _, blue, _ in pixels(page, places.tolist())]
    values = cells[shown[:, 0], shown[:, 1]]
    clear = np.abs(values - 2) > 0.1  # the contour itself is amber
    assert 3 <= (values >= 2).sum() <= 60
    np.testing.assert_array_equal(np.array(amber)[clear], (values >= 2)[clear])


def test_a_click_keeps_the_map_and_the_url_names_it(page: Page, app_url: str) -> None:
    film = opened(page, app_url)
    word(page, "effusion").click()
    page.wait_for_url(re.compile(r"sent=f1.*word=3|word=3.*sent=f1"))
    page.mouse.move(5, 500)
    expect(film).to_have_attribute("data-shown", "f1:3")


def test_a_deep_link_shows_the_same_view_in_a_second_browser(
    page: Page, app_url: str, browser: Browser
) -> None:
    film = opened(page, app_url)
    word(page, "left").click()
    page.wait_for_url(re.compile("word=1"))
    page.keyboard.press("g")
    page.wait_for_url(re.compile("grid=false"))
    page.mouse.move(5, 500)
    expect(film).to_have_attribute("data-shown", "f1:1")
    says = page.locator(".says").inner_text()
    second = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    second.goto(page.evaluate("location.href"))
    second.locator(".film[data-ready]").wait_for()
    expect(second.locator(".film")).to_have_attribute("data-shown", "f1:1")
    expect(second.locator(".says")).to_have_text(says)
    assert film.locator("canvas").screenshot() == second.locator(".film canvas").screenshot()
    second.context.close()


def test_peek_hides_the_map_while_it_is_held(page: Page, app_url: str) -> None:
    film = opened(page, app_url, more="&sent=f1&word=3")
    expect(film).to_have_attribute("data-shown", "f1:3")
    page.keyboard.down("p")
    expect(film).to_have_attribute("data-shown", "")
    page.keyboard.up("p")
    expect(film).to_have_attribute("data-shown", "f1:3")


def test_invert_and_reset_act_on_the_film_in_the_browser(page: Page, app_url: str) -> None:
    opened(page, app_url)
    place = (460, 560)
    page.keyboard.press("i")
    assert pixel(page, *place)[0] == pytest.approx(20, abs=2)
    page.keyboard.press(" ")
    assert pixel(page, *place)[0] == pytest.approx(235, abs=2)


def test_the_window_does_not_touch_the_map(page: Page, app_url: str) -> None:
    film = opened(page, app_url, more="&sent=f1&word=3")
    expect(film).to_have_attribute("data-shown", "f1:3")
    box = film.locator("canvas").bounding_box()
    assert box
    before, amber = pixel(page, 192, 320), page.locator(".says").inner_text()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 420, box["y"] + 120, steps=4)
    page.mouse.up()
    page.wait_for_timeout(100)
    assert pixel(page, 192, 320) != before
    expect(page.locator(".says")).to_have_text(amber)
    expect(film).to_have_attribute("data-shown", "f1:3")


def test_the_report_can_be_walked_by_keyboard(page: Page, app_url: str) -> None:
    film = opened(page, app_url)
    page.locator(".mark").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("sent=f1"))
    expect(film).to_have_attribute("data-shown", re.compile("^f1:0"))


def test_text_of_a_report_is_never_markup(page: Page, app_url: str) -> None:
    opened(page, app_url, "hostile")
    expect(page.locator(".report")).to_contain_text("<b>Bold</b>")
    assert page.locator(".report b, .report a").count() == 0


@pytest.mark.parametrize(
    ("study", "says"),
    [("no-film", "no film"), ("no-report", "no report"), ("normal", "not in this report")],
)
def test_what_a_study_lacks_is_said(page: Page, app_url: str, study: str, says: str) -> None:
    page.goto(f"{app_url}/case?study={study}")
    expect(page.get_by_text(says).first).to_be_visible()
    expect(page.get_by_text("Research tool – not for diagnostic use")).to_be_visible()


def test_next_and_previous_step_through_the_list(page: Page, app_url: str) -> None:
    opened(page, app_url, "normal")
    page.keyboard.press("n")
    page.wait_for_url(re.compile("study=two-films"))
    page.keyboard.press("b")
    page.wait_for_url(re.compile("study=normal"))
