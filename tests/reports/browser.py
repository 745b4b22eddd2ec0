"""Uses the HTML report as people do, in Debian's Chromium, by pointer, keyboard and screen reader's tree.

browser.py PAGE CHROMIUM SCREENSHOTS
"""

import base64
import re
import sys
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

file, chromium, shots = Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3])
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
# a pressed button is one of these in Chromium's tree
INTERACTIVE = {"button", "link", "searchbox", "textbox", "combobox", "checkbox", "radio", "DisclosureTriangle", "listbox"}

# WCAG 2.1: relative luminance, and the contrast of all text with what lies behind it
CONTRAST = """() => {
  const rgb = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = (c) => c.slice(0, 3).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest("script, noscript, .unseen, .skip")) continue;
    const layers = [];
    let opacity = 1;
    for (let at = e; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      opacity *= Number(style.opacity);
      const c = rgb(style.backgroundColor);
      const image = style.backgroundImage.match(/rgba?\\([^)]*\\)/g);
      // of a pattern, each of its colours
      layers.push([c, ...(image ?? []).map(rgb)].filter((one) => one[3] > 0));
    }
    let backs = [[255, 255, 255, 1]];
    for (const choices of layers.reverse()) if (choices.length) backs = backs.flatMap((b) => choices.map((c) => over(c, b))).slice(0, 64);
    for (const back of backs) {
      const c = rgb(getComputedStyle(e).color);
      const [a, b] = [light(over([c[0], c[1], c[2], c[3] * opacity], back)), light(back)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) bad.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 30)}`);
    }
  }
  return [...new Set(bad)];
}"""

COLOURS = """async (data) => {
  const image = await createImageBitmap(await (await fetch(data)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const draw = canvas.getContext("2d");
  draw.drawImage(image, 0, 0);
  const pixels = new Uint32Array(draw.getImageData(0, 0, image.width, image.height).data.buffer);
  const count = new Map();
  for (const pixel of pixels) count.set(pixel, (count.get(pixel) ?? 0) + 1);
  return [count.size, Math.max(...count.values()) / pixels.length];
}"""


def watched(page, noise):
    """Writes down all that a page must not do."""
    page.on("console", lambda message: noise.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: noise.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (noise.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: request.url == file.as_uri() or noise.append(f"request: {request.url}"))
    page.on("popup", lambda popup: noise.append("popup"))
    return page


def tile(page, name):
    return page.locator("#tiles").get_by_role("button", name=re.compile(f"^{re.escape(name)}, "))


def where(page):
    return page.locator("#where")


def map_by_pointer_and_keyboard(page):
    expect(where(page)).to_contain_text("/: ")
    # the header of a tile: what is below may be a directory of its own
    tile(page, "srv").click(position={"x": 12, "y": 8})
    expect(where(page)).to_contain_text("/srv: ")
    expect(tile(page, "app")).to_be_focused()
    page.keyboard.press("Enter")
    expect(where(page)).to_contain_text("/srv/app: ")
    crumbs = page.get_by_role("navigation", name="Directory")
    expect(crumbs.get_by_role("listitem")).to_have_text(["/", "srv", "app"])
    page.keyboard.press("Escape")
    expect(where(page)).to_contain_text("/srv: ")
    expect(tile(page, "app")).to_be_focused()
    page.keyboard.press("Backspace")
    expect(tile(page, "srv")).to_be_focused()
    # arrows go somewhere else and back; one tile alone is a stop of Tab
    page.keyboard.press("End")
    expect(tile(page, "srv")).not_to_be_focused()
    page.keyboard.press("Home")
    assert page.locator("#tiles [tabindex='0']").count() == 1
    before = page.evaluate("document.activeElement.dataset.node")
    way = "ArrowRight" if page.evaluate("document.activeElement.offsetLeft") < 10 else "ArrowLeft"
    page.keyboard.press(way)
    assert page.evaluate("document.activeElement.dataset.node") != before
    # the table is the same, and goes the same ways
    table = page.locator("#entries")
    table.get_by_role("button", name="srv/").click()
    row = table.get_by_role("row").filter(has_text="app/")
    expect(row.get_by_role("cell").nth(4)).to_have_text("2MB")
    crumbs.get_by_role("button", name="/", exact=True).click()
    expect(where(page)).to_contain_text("/: ")


def layers(page):
    page.get_by_label("Show", exact=True).select_option(label=page.locator("#view optgroup option").nth(1).inner_text())
    # what layer 1 made: 3 MB twice, of which one is a copy, and 2 MB that layer 2 deletes
    expect(where(page)).to_contain_text("8MB")
    expect(where(page)).to_contain_text("3MB duplicated, 2MB wasted")
    expect(tile(page, "bin")).to_have_count(0)
    page.get_by_label("Show", exact=True).select_option("merged")
    expect(where(page)).not_to_contain_text("wasted")
    page.get_by_role("button", name="Layer 2: show in the map").click()
    expect(page.get_by_label("Show", exact=True)).to_have_value("made 2")
    expect(page.get_by_label("Show", exact=True)).to_be_focused()
    page.get_by_label("Show", exact=True).select_option("killed 2")
    expect(where(page)).to_contain_text("2MB, 1 entry; 2MB wasted")
    page.get_by_label("Show", exact=True).select_option("all")


def searching(page):
    field = page.get_by_role("searchbox", name="Path")
    said = page.locator("#found")
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("deep/GO".lower())
    expect(said).to_contain_text("1 found")
    row = page.locator("#results").get_by_role("row").nth(1)
    expect(row).to_contain_text("/srv/app/deep/gone")
    expect(row).to_contain_text("wasted: deleted")
    expect(row.get_by_role("cell").nth(2)).to_contain_text("layer 1")
    expect(row.get_by_role("cell").nth(2)).to_contain_text("mkdir -p /srv/app/deep")
    expect(row.get_by_role("cell").nth(3)).to_contain_text("layer 2")
    expect(row.get_by_role("cell").nth(3)).to_contain_text("rm /srv/app/deep/gone")
    row.get_by_role("button").click()
    expect(page.locator("#detail")).to_contain_text("Killed by")
    expect(tile(page, "gone")).to_be_focused()
    for pattern, mode, found in [("/srv/**/c?py", "text", "1 found"), ("/srv/c*py", "text", "Nothing"), ("Deep", "text", "Nothing"),
                                 ("^/srv/app/(data|copy)$", "regexp", "2 found"), ("(", "regexp", "no regular expression"),
                                 ("onerror", "text", "1 found"), ("u{202e}", "text", "1 found"), ("zzz", "text", "Nothing"), ("", "text", "")]:
        page.get_by_label("as", exact=True).select_option(mode)
        field.fill(pattern)
        field.press("Enter")
        expect(said).to_have_text(re.compile("^$" if found == "" else re.escape(found)))
    field.fill("<")
    expect(page.locator("#results")).to_contain_text("</script><img src=x onerror=alert(1)>")
    expect(page.locator("img")).to_have_count(0)


def findings(page):
    finding = page.locator("#findings details").filter(has_text="A3 deleted-file")
    if finding.get_attribute("open") is None:
        finding.locator("summary").focus()
        page.keyboard.press("Enter")
    expect(finding).to_contain_text("Fix")
    finding.get_by_role("button", name="/srv/app/deep/gone").click()
    expect(page.locator("#detail").get_by_role("heading")).to_have_text("/srv/app/deep/gone")
    expect(page.locator("#detail")).to_contain_text("2MB (2000000 bytes)")


def names(page):
    """Every part that can be used has a name, and no two have one id."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    used = [node for node in nodes if not node["ignored"] and node["role"]["value"] in INTERACTIVE]
    nameless = [node for node in used if not node.get("name", {}).get("value", "").strip()]
    assert len(used) > 20 and not nameless, nameless
    for table in page.locator("table:visible").all():
        assert table.locator("thead th[scope='col']").count() >= 2
    ids = page.eval_on_selector_all("[id]", "all => all.map((one) => one.id)")
    assert len(ids) == len(set(ids)), ids
    for status in ["#where", "#found", "#detail"]:
        assert page.locator(status).get_attribute("role") == "status"
    assert page.locator("h1").count() == 1 and page.locator("main").count() == 1 and page.locator("html[lang]").count() == 1


def looks(page, blank, name):
    """What is seen is not blank, and all text can be read."""
    bad = page.evaluate(CONTRAST)
    assert not bad, f"{name}: contrast {bad}"
    picture = page.screenshot(path=shots / f"{name}.png")
    colours, most = blank.evaluate(COLOURS, "data:image/png;base64," + base64.b64encode(picture).decode())
    assert colours > 60 and most < 0.9, f"{name}: {colours} colours, {most:.0%} of one"


def theme(page, blank):
    page.evaluate("scrollTo(0, 0)")
    looks(page, blank, "light")
    page.get_by_role("button", name="Change to dark colours").click()
    looks(page, blank, "dark")
    page.get_by_role("button", name="Change to light colours").click()
    page.emulate_media(color_scheme="dark")
    # the choice goes before the system's
    expect(page.get_by_role("button", name="Change to dark colours")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Change to light colours")).to_be_visible()
    looks(page, blank, "dark-system")
    page.emulate_media(color_scheme="light")


def narrow_and_printed(page):
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 1280, "height": 900})
    pdf = page.pdf(print_background=True)
    assert len(pdf) > 20_000, len(pdf)
    assert page.locator("#findings details:not([open])").count() == 0


def without_script(browser, noise):
    context = browser.new_context(java_script_enabled=False)
    page = watched(context.new_page(), noise)
    page.goto(file.as_uri())
    expect(page.locator("#map")).to_be_hidden()
    expect(page.get_by_text("need this page's script")).to_be_visible()
    expect(page.locator("#layers tbody tr")).to_have_count(4)
    expect(page.locator("#findings")).to_contain_text("/srv/app/deep/gone")
    expect(page.locator("#gate")).to_contain_text("max-size")
    context.close()


with sync_playwright() as playwright:
    started = time.monotonic()
    browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS, timeout=120_000)
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    context.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    noise = []
    blank = context.new_page()
    page = watched(context.new_page(), noise)
    page.goto(file.as_uri())
    steps = [map_by_pointer_and_keyboard, layers, searching, findings, names, lambda page: theme(page, blank), narrow_and_printed]
    for step in steps:
        step(page)
    without_script(browser, noise)
    assert not noise, noise
    version = browser.version
    browser.close()
    print(f"reports: the page is used by pointer, keyboard and reader in Chromium {version}, in {time.monotonic() - started:.0f}s")
