#!/usr/bin/env python3
"""Measures commands and pages on a large record: medians of whole commands, and of requests to the admin page, each beside the
median of what it asks the record, put as plain SQL to SQLite (Python's) in the same run.

    cargo run --release -p pregonero-store --example year_of_history -- make /dev/shm/year.db
    python3 benches/year_of_history.py target/release/pregonero /dev/shm/year.db

The record gets a user for the page. Needs Python's standard library only.
"""

import http.cookiejar
import json
import os
import sqlite3
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
LIST = """SELECT rounds.id, slot, outcome, state, posts.text, tweet_id, seed_prompt, sentiment, tallies.score
    FROM rounds LEFT JOIN posts ON posts.id = rounds.id LEFT JOIN tallies ON tallies.round_id = rounds.id
    LEFT JOIN candidates ON candidates.round_id = posts.id AND candidates.position = posts.candidate_position """
NEWEST = " ORDER BY rounds.id DESC LIMIT 20"
TEXT = LIST + "WHERE rounds.id IN (SELECT rowid FROM posts_text WHERE posts_text MATCH 'manana')" + NEWEST
ROUND = "SELECT * FROM candidates WHERE round_id = ?"
COUNTS = "outcome, count(*), sum(candidates), sum(passed), avg(score), sum(cost_micros) FROM tallies JOIN rounds ON rounds.id = round_id "
TOTAL, MONTHS = f"SELECT {COUNTS} GROUP BY 1", f"SELECT strftime('%Y-%m', due, 'unixepoch'), {COUNTS} GROUP BY 1, 2"
PROMPTS = f"SELECT seed_prompt || coalesce(seed_attributes, ''), {COUNTS} GROUP BY 1, 2"
MODELS = f"SELECT generator_name || coalesce(generator_sha256, ''), {COUNTS} GROUP BY 1, 2"
# What is measured, and what it asks the record.
COMMANDS = {
    "--version": "",
    "history list": LIST + NEWEST,
    "history list --text manana": TEXT,
    "history show ROUND": ROUND,
    "stats": TOTAL,
    "stats --by prompt": PROMPTS,
    "stats --by month": MONTHS,
    "status": "SELECT count(*) FROM posts WHERE state = 'held'",
}
PAGES = {
    "/": LIST + NEWEST,
    "/queue": "SELECT * FROM posts WHERE state = 'held'",
    "/posts": LIST + NEWEST,
    "/posts?text=manana": TEXT,
    "/posts?state=sent": LIST + "WHERE coalesce(state, outcome) = 'sent'" + NEWEST,
    "/posts?since=2026-03-01": LIST + "WHERE tallies.due >= unixepoch('2026-03-01')" + NEWEST,
    "/posts/ROUND": ROUND,
    "/prompts": PROMPTS,
    "/charts": MONTHS,
    "/charts?by=model": MODELS,
    "/audit": "SELECT * FROM ledger ORDER BY 1 DESC LIMIT 40",
    "/config": "",
    "/users": "SELECT * FROM users",
}


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
    newest = subprocess.run([program, "--json", "history", "list", "-n", "1"], check=True, capture_output=True, text=True)
    number = str(json.loads(newest.stdout)["id"] * 3 // 4)
    database = sqlite3.connect(f"file:{record}?mode=ro", uri=True)

    def in_sql(question):
        if not question:
            return ""
        _, median = timed(lambda: database.execute(question, [number] if "?" in question else []).fetchall())
        return f", in SQL {median:6.2f} ms"

    for command, question in COMMANDS.items():
        words = [program, *command.replace("ROUND", number).split()]
        _, median = timed(lambda: subprocess.run(words, check=True, capture_output=True))
        print(f"{command:28} {median:6.0f} ms{in_sql(question)}")
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
        for page, question in PAGES.items():
            first, median = timed(lambda: ask(page.replace("ROUND", number)))
            print(f"{page:28} {median:6.1f} ms, the first {first:.0f} ms{in_sql(question)}")
    finally:
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    main()
