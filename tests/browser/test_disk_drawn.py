"""The disk in a real browser: deep link, click a point, read the truth, walk, recentre."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
STUDY = "drawn-1"
CHART = ".js-plotly-plot"
POINT = """(ref) => {
  const chart = document.querySelector('.js-plotly-plot'), at = chart._fullLayout;
  const box = chart.getBoundingClientRect();
  for (const one of chart._fullData) {
    const index = (one.customdata || []).findIndex(row => row[0] === ref);
    if (index >= 0) return {
      x: box.left + at.xaxis._offset + at.xaxis.l2p(one.x[index]),
      y: box.top + at.yaxis._offset + at.yaxis.l2p(one.y[index]) };
  }
}"""


def opened(page: Page, url: str, more: str = "") -> None:
    """Open the page and wait until the disk is drawn."""
    page.goto(f"{url}/hierarchy?study={STUDY}{more}")
    page.locator(f"{CHART} .main-svg").first.wait_for()
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')?._fullLayout?.xaxis")


def place(page: Page, ref: str) -> dict[str, float]:
    found: dict[str, float] = page.evaluate(POINT, ref)
    return found


def test_a_click_on_the_disk_selects_the_item_and_tells_the_truth_of_it(page: Page, app_url: str) -> None:
    opened(page, app_url, "&mag=4&item=f0")
    truth = page.locator(".st-key-truth")
    expect(truth).to_contain_text("The heart is normal in size.")
    at = place(page, "f2")
    page.mouse.move(at["x"], at["y"])
    expect(page.locator(".hoverlayer .hovertext").first).to_contain_text("f2: No pneumothorax.")
    page.mouse.click(at["x"], at["y"])
    expect(truth).to_contain_text("No pneumothorax.")
    expect(truth).to_contain_text(re.compile(r"Is the film inside this text\? (YES|NO)"))
    expect(truth).to_contain_text(re.compile(r"KL [\d.]+ ± [\d.]+ nats.*in 128 dimensions"))
    page.wait_for_url(re.compile("item=f2"))


def test_the_list_is_the_clicks_twin_and_a_link_opens_the_same_view(page: Page, app_url: str) -> None:
    opened(page, app_url, "&geo=Unrolled&item=i0&walk=12&lvl=none")
    expect(page.locator(".st-key-truth")).to_contain_text("Probable small left effusion.")
    expect(page.get_by_text("step 13 of 50")).to_be_visible()
    expect(page.get_by_text("angle about the root, degrees from the film")).to_be_visible()
    box = page.get_by_label("Selected item")
    box.click()
    page.get_by_role("option", name="f1", exact=True).click()
    expect(page.locator(".st-key-truth")).to_contain_text("Small left pleural effusion.")
    page.wait_for_url(re.compile("item=f1"))


def test_centre_here_moves_the_item_to_the_middle_and_home_back(page: Page, app_url: str) -> None:
    opened(page, app_url, "&item=f0")
    before = place(page, "f0")
    page.get_by_role("button", name="Centre here").click()
    page.wait_for_url(re.compile("ax="))
    page.wait_for_function(
        f"() => {{ const point = ({POINT})('f0'); return Math.abs(point.x - {before['x']}) > 20 }}"
    )
    after = page.evaluate(
        """() => { const c = document.querySelector('.js-plotly-plot'), l = c._fullLayout;
             const one = c._fullData.find(d => (d.customdata || []).some(row => row[0] === 'f0'));
             const k = one.customdata.findIndex(row => row[0] === 'f0'); return [one.x[k], one.y[k]]; }"""
    )
    assert after == pytest.approx([0, 0], abs=1e-5)
    page.get_by_role("button", name="Home").click()
    page.wait_for_function(
        f"() => {{ const point = ({POINT})('f0'); return Math.abs(point.x - {before['x']}) < 2 }}"
    )
    assert "ax=" not in page.url


def test_a_reports_markup_stays_text_in_the_hover_card(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/hierarchy?study=hostile&item=f0&mag=4")
    page.locator(f"{CHART} .main-svg").first.wait_for()
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')?._fullLayout?.xaxis")
    at = place(page, "f0")
    page.mouse.move(at["x"], at["y"])
    expect(page.locator(".hoverlayer .hovertext").first).to_contain_text("<b>Bold</b>")
    expect(page.locator(".st-key-truth")).to_contain_text("<b>Bold</b> *stars* $x$")


@pytest.mark.parametrize(("study", "sentence"), [
    ("no-film", "There is no pair of film and report"), ("no-report", "There is no pair of film and report"),
])  # fmt: skip
def test_a_study_that_lacks_a_part_says_so(page: Page, app_url: str, study: str, sentence: str) -> None:
    page.goto(f"{app_url}/hierarchy?study={study}")
    expect(page.locator(".st-key-truth")).to_contain_text(sentence)
    page.locator(f"{CHART} .main-svg").first.wait_for()
