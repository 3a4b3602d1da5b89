"""Opens pages in headless Chromium, without any network of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver import Chrome
from selenium.webdriver.chrome.service import Service

DRIVERS = ("chromedriver",)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def missing_browser() -> str | None:
    """What is missing to open a page, or None."""
    for names in (BROWSERS, DRIVERS):
        if _found(names) is None:
            return f"{names[0]} is not installed; run scripts/install_browser.sh"
    return None


def _found(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def chromium(profile: Path, width: int = 1400, height: int = 900) -> Iterator[Chrome]:
    """A browser with a profile of its own that keeps what pages say on the console."""
    options = webdriver.ChromeOptions()
    options.binary_location = _found(BROWSERS) or BROWSERS[0]
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.add_argument(f"--window-size={width},{height}")
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(_found(DRIVERS)))
    try:
        yield driver
    finally:
        driver.quit()


def console(driver: Chrome) -> list[str]:
    """What the page said on the console since it was last asked."""
    return [entry["message"] for entry in driver.get_log("browser")]  # type: ignore[no-untyped-call]
