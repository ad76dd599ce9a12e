#!/usr/bin/env python3
"""Measures commands and pages on a large record: medians of whole commands, and of requests to the admin page.

    cargo run --release -p pregonero-store --example year_of_history -- make /dev/shm/year.db
    python3 benches/year_of_history.py target/release/pregonero /dev/shm/year.db

The record gets a user for the page. Needs Python's standard library only.
"""

import http.cookiejar
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

RUNS = 15
ADDRESS = "127.0.0.1:8791"
PASSWORD = "a password of no use"
COMMANDS = [
    "--version",
    "history list",
    "history list --text manana",
    "history show 15000",
    "stats",
    "stats --by prompt",
    "stats --by month",
    "status",
]
PAGES = ["/", "/queue", "/posts", "/posts?text=manana", "/posts?state=sent", "/posts?since=2026-03-01", "/posts/15000",
         "/prompts", "/charts", "/audit", "/config", "/users"]


def timed(act):
    """Returns the first time and the median, in milliseconds."""
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        act()
        times.append((time.perf_counter() - begin) * 1000)
    return times[0], statistics.median(times)


def main():
    program, record = (os.path.abspath(path) for path in sys.argv[1:3])
    os.chdir(tempfile.mkdtemp())
    subprocess.run([program, "--quiet", "init", "--config", "config.toml"], check=True, capture_output=True)
    os.environ.update(PREGONERO__STORE__PATH=record, PREGONERO__ADMIN__LISTEN=ADDRESS)
    for command in COMMANDS:
        _, median = timed(lambda: subprocess.run([program, *command.split()], capture_output=True))
        print(f"{command:28} {median:6.0f} ms")
    for act in ("add", "password"):
        user = [program, "admin", "user", act, "measurement", "--password-stdin"]
        subprocess.run(user + (["--role", "admin"] if act == "add" else []), input=f"{PASSWORD}\n", text=True, capture_output=True)
    daemon = subprocess.Popen([program, "run"], stderr=subprocess.DEVNULL)
    try:
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        opener = urllib.request.build_opener(cookies)
        origin = f"http://{ADDRESS}"

        def ask(path, form=None):
            body = urllib.parse.urlencode(form).encode() if form else None
            request = urllib.request.Request(origin + path, body, {"Origin": origin, "Sec-Fetch-Site": "same-origin"})
            return opener.open(request).read()

        for _ in range(240):
            try:
                ask("/sign-in")
                break
            except urllib.error.URLError:
                time.sleep(0.25)
        ask("/sign-in", {"name": "measurement", "password": PASSWORD})
        for page in PAGES:
            first, median = timed(lambda: ask(page))
            print(f"{page:28} {median:6.1f} ms, the first {first:.0f} ms")
    finally:
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    main()
