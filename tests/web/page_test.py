#!/usr/bin/env python3
"""The page in a real chromium, served by the real of-communication: page_test.py STAGE.

STAGE (stage_main.cpp) passes for the feed and for storage. Ends with 77, which Meson shows as skipped, where there is no chromium."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = None

PATIENCE_S = 30
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars"]


class Stage:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def tell(self, line):
        """Gives the line and waits until it is done; what was said before that."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        said = []
        while (answer := self.process.stdout.readline().strip()) != "done":
            if not answer:
                raise RuntimeError("the stage has ended")
            said.append(answer)
        return said

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=PATIENCE_S)
        self.process.stdout.close()


class PageTest(unittest.TestCase):
    stage_program = ""

    @classmethod
    def setUpClass(cls):
        cls.profile = tempfile.mkdtemp(prefix="of-chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in [*FLAGS, f"--user-data-dir={cls.profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        cls.browser = webdriver.Chrome(options=options, service=Service(DRIVER))

    @classmethod
    def tearDownClass(cls):
        cls.browser.quit()
        shutil.rmtree(cls.profile, ignore_errors=True)

    def setUp(self):
        self.stage = Stage(self.stage_program)
        self.addCleanup(self.stage.end)
        # Before its server goes, or the page would try to reach it while the next test listens for errors.
        self.addCleanup(self.browser.get, "about:blank")
        self.browser.get_log("browser")
        self.size(1366, 768)
        self.stage.tell("rate 100")
        self.browser.get(f"http://127.0.0.1:{self.stage.port}/")
        self.wait_link("LIVE")

    def size(self, width, height):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                     {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def text(self, name):
        return self.browser.find_element(By.ID, name).text

    def until(self, condition, what):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if condition():
                return
        self.fail(what)

    def wait_link(self, start):
        self.until(lambda: self.text("link").startswith(start), f"the link never became {start}: {self.text('link')}")

    def tape_ids(self):
        """Ids of the tape, oldest first."""
        return self.browser.execute_script("return [...document.querySelectorAll('#tape tr[data-id]')].map(row => Number(row.dataset.id)).reverse()")

    def symbol(self):
        return self.browser.execute_script("return document.getElementById('symbol').value")

    def silence(self):
        """No message any more, and all that were sent are on the tape; how many trades the symbol has had."""
        self.stage.tell("rate 0")
        count = int(self.stage.tell(f"ids {self.symbol()}")[0])
        self.until(lambda: self.tape_ids()[-1:] == [count], f"trade {count} never came")
        return count

    def test_tape_equals_what_was_published(self):
        self.stage.tell(f"trades {self.symbol()} 500")
        count = self.silence()
        self.assertEqual(self.tape_ids(), list(range(count - 199, count + 1)))
        with urllib.request.urlopen(f"http://127.0.0.1:{self.stage.port}/api/trades?symbol={self.symbol()}&limit=200") as answer:
            stored = json.load(answer)["trades"]
        rows = self.browser.execute_script(
            "return [...document.querySelectorAll('#tape tr')].map(row => [...row.children].map(cell => cell.textContent)).reverse()")
        for row, trade in zip(rows, stored):
            self.assertEqual(float(row[1]), float(trade["price"]))
            self.assertEqual(row[2].rstrip("0").rstrip("."), trade["qty"][:-3].rstrip("0").rstrip("."))
            self.assertEqual(row[3], "▼ sell" if trade["buyer_is_maker"] else "▲ buy")
        title = self.browser.execute_script("return document.querySelector('#tape tr').title")
        self.assertIn(stored[-1]["correlation"], title)

    def test_killed_worker_is_seen_and_nothing_is_missing_afterwards(self):
        self.stage.tell("kill")
        self.until(lambda: not self.text("link").startswith("LIVE"), "a dead link is called LIVE")
        self.wait_link("RECONNECTING")
        self.until(lambda: "old" in self.browser.find_element(By.ID, "tape-panel").get_attribute("class"), "an old picture is not dimmed")
        self.stage.tell("restart")
        self.wait_link("LIVE")
        ids = self.tape_ids()
        count = self.silence()
        self.assertEqual(self.tape_ids(), list(range(count - len(self.tape_ids()) + 1, count + 1)))
        self.assertGreater(len(ids), 0)
        self.until(lambda: "1" == self.browser.execute_script(
            "return [...document.querySelectorAll('#workers tr')].find(row => row.textContent.startsWith('communication')).lastElementChild.textContent"),
            "the restart is not shown")

    def test_silent_market_is_stale_and_hung_server_too(self):
        self.stage.tell("rate 0")
        self.wait_link("STALE")
        self.stage.tell("rate 100")
        self.wait_link("LIVE")
        self.stage.tell("hang")
        self.wait_link("STALE")
        self.until(lambda: self.text("workers-note").startswith("no answer for"), "an old health picture does not say so")
        self.stage.tell("resume")
        self.wait_link("LIVE")

    def test_keys(self):
        body = self.browser.find_element(By.TAG_NAME, "body")
        body.send_keys(" ")
        self.until(lambda: "held" in self.text("frozen"), "space does not freeze")
        frozen = self.tape_ids()
        self.until(lambda: "FROZEN · 0 held" != self.text("frozen"), "held trades are not counted")
        self.assertEqual(self.tape_ids(), frozen)
        body.send_keys(" ")
        self.until(lambda: self.tape_ids() != frozen, "space does not thaw")
        count = self.silence()
        self.assertEqual(self.tape_ids()[-1], count)
        body.send_keys("?")
        self.assertTrue(self.browser.execute_script("return document.getElementById('help').open"))
        self.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
        self.until(lambda: not self.browser.execute_script("return document.getElementById('help').open"), "Esc does not close the help")
        body.send_keys("s")
        self.until(lambda: self.browser.switch_to.active_element.get_attribute("id") == "symbol", "s does not go to the symbol")

    def test_another_symbol_shows_its_own_trades(self):
        self.browser.execute_script("document.querySelector('#quotes tr[data-symbol=ETHUSDT]').click()")
        self.assertEqual(self.symbol(), "ETHUSDT")
        count = self.silence()
        ids = self.tape_ids()
        self.assertEqual(ids, list(range(count - len(ids) + 1, count + 1)))
        self.browser.refresh()
        self.until(lambda: self.symbol() == "ETHUSDT", "the choice is forgotten")

    def test_no_scroll_and_both_themes(self):
        for width, height in ((1366, 768), (390, 844)):
            self.size(width, height)
            overflow = self.browser.execute_script(
                "const e = document.documentElement; return [e.scrollWidth > innerWidth, e.scrollHeight > innerHeight]")
            self.assertEqual(overflow[0], False, f"scrolls sideways at {width}")
            if width > 900:
                self.assertEqual(overflow[1], False, f"scrolls at {width}x{height}")
        self.size(1366, 768)
        self.assertEqual(self.browser.execute_script(f"return {CLIPPED}"), [])
        behind = "storage 131\u202f072\ncommunication 131\u202f072"
        for panel, texts in (("workers", ["communication", "attaching", "4194304", "59m59s", "23h59m", "10000"]),
                             ("rings", [None, "999\u202f999\u202f999", "100\u202f000", behind])):
            self.assertEqual(self.browser.execute_script(f"""
                for (const row of document.querySelectorAll('#{panel} tr')) {{
                    arguments[0].forEach((text, i) => {{
                        const cell = row.children[i];
                        if (text !== null) (cell.firstElementChild ?? cell).textContent = text;
                    }});
                }}
                return {CLIPPED}""", texts), [], f"the widest {panel}")
        lines = "return document.querySelector('#rings td:last-child').offsetHeight / document.querySelector('#workers td').offsetHeight"
        self.assertGreater(self.browser.execute_script(lines), 1.4, "each reader has a line of its own")
        colours = set()
        for scheme in ("dark", "light"):
            self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            colours.add(self.browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
            self.assertEqual(self.browser.execute_script(CONTRAST), [], f"too little contrast in the {scheme} theme")
        self.assertEqual(len(colours), 2)

    def test_bounded_and_quiet(self):
        self.browser.get_log("performance")
        self.stage.tell(f"trades {self.symbol()} 3000")
        self.silence()
        self.assertEqual(len(self.tape_ids()), 200)
        self.assertEqual([entry for entry in self.browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")], [])
        own = f"http://127.0.0.1:{self.stage.port}/"
        for entry in self.browser.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.assertTrue(message["params"]["request"]["url"].startswith(own), message["params"]["request"]["url"])


CLIPPED = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.parentElement.id)"

CONTRAST = """
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const back = (element) => {
  for (; element; element = element.parentElement) {
    const colour = parse(getComputedStyle(element).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const poor = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.checkVisibility() || element.closest('.dim, .old')) continue;
  const [a, b] = [light(parse(getComputedStyle(element).color)), light(back(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) poor.push(`${element.tagName} ${element.textContent.slice(0, 20)} ${ratio.toFixed(2)}`);
}
return [...new Set(poor)];
"""


def main():
    if webdriver is None or CHROMIUM is None or DRIVER is None:
        print("SKIPPED: no chromium, chromedriver or python3-selenium here; the page was not tested", flush=True)
        sys.exit(77)
    PageTest.stage_program = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
