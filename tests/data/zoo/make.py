"""Makes the files of the zoo that no editor can write: other encodings, packed files, X's archive, Parquet of three programs.

    python3 -m venv venv && venv/bin/pip install pandas polars duckdb pyarrow
    venv/bin/python tests/data/zoo/make.py

All texts are invented. The files were made with pandas 3.1.1, polars 2.1.0, DuckDB 2.0.1 and pyarrow 26.0.1; tests do not run this.
"""

import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
TEXTS = ["Señal de sol en la bahía", "Mañana abre el mercado, dicen", "¿Y si llueve?"]
ROWS = [{"id": str(1626983443210002400 + 33 * place), "text": text, "label": place % 2} for place, text in enumerate(TEXTS)]


def table(delimiter=",", end="\n", quote=False):
    def field(text):
        text = str(text)
        return f'"{text}"' if quote or delimiter in text else text

    lines = [["id", "text", "label"], *([row["id"], row["text"], row["label"]] for row in ROWS)]
    return "".join(delimiter.join(map(field, line)) + end for line in lines)


def put(name, content):
    (HERE / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def tables():
    put("utf8.csv", table())
    put("semicolons.csv", table(";", "\r\n"))
    put("tabs.tsv", table("\t"))
    put("pipes.txt", table("|"))
    put("TWEETS.CSV", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS))
    put("marked.csv", b"\xef\xbb\xbf" + table(quote=True).encode())
    put("latin1.csv", table().encode("latin-1"))
    put("windows1252.csv", table().replace("sol", "“sol”").encode("cp1252"))
    put("unicode-text.txt", table("\t", "\r\n").encode("utf-16"))
    put("utf16be.csv", table().encode("utf-16-be"))
    put("old-mac.csv", table(end="\r"))
    put("mixed-encodings.csv", table().encode() + "1,así,0\n".encode("latin-1"))
    put("mojibake.csv", table().encode().decode("cp1252", "replace"))
    put("rounded-ids.csv", "id,text,label\n1.62698E+18,hola,1\n1626983443210002433,sol,0\n1626983443210002432.0,mar,1\n")
    put("stray-quotes.csv", 'text,label\n"a, b",1\n"Hola vecina,1\nya "casi" llega,0\n"Hola" dijo ella,1\n"c, d",0\n')
    put("fields.csv", "text,label\nhola,1\nsin etiqueta\nsol,0\nde, más,1\n")
    put("repeated-names.csv", "text,x,x\nhola,1,2\n")
    stump = "RT @ana_v: " + "una frase larga que sigue " * 5
    put("stumps.csv", f"text,label\n{stump[:139]}…,1\nhola,0\n,1\n")
    put("multiline.csv", 'text,label\n"dos\nrenglones, con ""citas""",1\nuno,0\n')
    put("lines.txt", "\n".join(TEXTS) + "\n")
    put("page.html", "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n")


def objects():
    put("array.json", json.dumps(ROWS, ensure_ascii=False, indent=1))
    put("lines.ndjson", "".join(json.dumps(row) + "\n" for row in ROWS))
    put("one.json", json.dumps(ROWS[0], indent=1))
    put("json.txt", json.dumps(ROWS))
    put("broken.jsonl", '{"text": "hola"}\n{"text": "so\n{"text": "mar"}\n')
    put("cut-off.json", '[{"text": "hola"}, {"text": "sol"}, {"text": "ma')
    user = {"id": "77", "username": "ana_v", "name": "Ana"}
    page = {
        "data": [
            {"id": "11", "text": "corta &amp; fea", "author_id": "77", "created_at": "2026-03-01T09:00:02.000Z"},
            {"id": "12", "text": "cort…", "author_id": "77", "note_tweet": {"text": "corta no: larga"}},
        ],
        "includes": {"users": [user]},
        "meta": {"result_count": 2},
    }
    put("v2-pages.jsonl", json.dumps(page) + "\n" + json.dumps({"meta": {"result_count": 0}}) + "\n")
    flat = {**page["data"][0], "author": user, "referenced_posts": [{"type": "replied_to", "id": "3"}], "unknown": {"x": 1}}
    put("v2-flattened.jsonl", json.dumps(flat) + "\n")
    old = {
        "id": 2, "id_str": "2", "text": "cort…", "truncated": True, "extended_tweet": {"full_text": "corta no"},
        "user": {"screen_name": "luis", "id_str": "8"}, "created_at": "Sat Feb 18 12:33:11 +0000 2023",
    }
    whole = {key: value for key, value in old.items() if key != "extended_tweet"}
    put("v1.json", json.dumps([old, {**whole, "id_str": "3", "truncated": False, "text": "breve"}]))


def archive():
    def tweets(part, ids):
        rows = [
            {"tweet": {"id": str(i), "id_str": str(i), "full_text": f"tuit {i} &lt;3", "created_at": "Sat Feb 18 12:33:11 +0000 2023"}}
            for i in ids
        ]
        return f"window.YTD.tweets.part{part} = " + json.dumps(rows, indent=2)

    account = [{"account": {"email": "a@example.org", "username": "ana_v", "accountId": "77", "accountDisplayName": "Ana"}}]
    long = "Un texto largo que no cabe en un tuit: " + "y sigue y sigue, " * 20
    cut = [{"tweet": {"id_str": "9", "full_text": long[:270] + "… https://t.co/x", "created_at": "Sun Mar 01 09:00:02 +0000 2026"}}]
    note = [{"noteTweet": {"noteTweetId": "90", "createdAt": "2026-03-01T09:00:02.000Z", "core": {"text": long.strip()}}}]
    like = [{"like": {"tweetId": "5", "fullText": "de otra persona"}}]
    files = {
        "data/tweets.js": tweets(0, [1, 2]),
        "data/tweets-part1.js": tweets(1, [3, 4]),
        "data/tweets-part2.js": "window.YTD.tweets.part2 = " + json.dumps(cut),
        "data/account.js": "window.YTD.account.part0 = " + json.dumps(account),
        "data/note-tweet.js": "window.YTD.note_tweet.part0 = " + json.dumps(note),
        "data/like.js": "window.YTD.like.part0 = " + json.dumps(like),
        "data/deleted-tweets.js": "window.YTD.deleted_tweets.part0 = " + tweets(0, [6]).split("= ")[1],
        "Your archive.html": "<html></html>",
    }
    put("x-archive.zip", zipped(files))
    put("tweets.js", files["data/tweets.js"] + ";\n")
    put("like.js", files["data/like.js"])
    month = [{"id": 1, "id_str": "1", "text": "viejo", "created_at": "2015-07-02 10:00:00 +0000", "user": {"screen_name": "ana_v"}, "entities": {}}]
    put("x-archive-2015.zip", zipped({"data/js/tweets/2015_07.js": "Grailbird.data.tweets_2015_07 = \n" + json.dumps(month)}))


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def packed():
    put("utf8.csv.gz", gzip.compress(table().encode(), mtime=0))
    put("semicolons.csv.xz", lzma.compress(table(";").encode()))
    put("two.zip", zipped({"a.csv": table(), "b/c.tsv": table("\t"), "__MACOSX/a.csv": "x"}))
    put("book.xlsx", zipped({"xl/workbook.xml": "<workbook/>"}))
    put("damaged.csv.gz", gzip.compress(table().encode() * 50, mtime=0)[:80])
    deep = table().encode()
    for _ in range(6):
        deep = gzip.compress(deep, mtime=0)
    put("deep.csv.gz", deep)
    put("zeros.csv.gz", gzip.compress(b"\0" * 4096, mtime=0))


def parquet():
    import datetime

    import duckdb
    import pandas
    import polars
    import pyarrow
    import pyarrow.parquet

    at = [datetime.datetime(2026, 3, 1, 9, 0, 2), None, datetime.datetime(2026, 3, 2)]
    columns = {
        "id": [int(row["id"]) for row in ROWS],
        "text": [row["text"] for row in ROWS],
        "label": [1, None, 0],
        "created_at": at,
        "tags": [["sol", "mar"], [], None],
    }
    frame = pandas.DataFrame({key: columns[key] for key in ("id", "text", "label", "created_at")})
    frame.to_parquet(HERE / "pandas.parquet", index=False)
    polars.DataFrame(columns).write_parquet(HERE / "polars.parquet", compression="zstd")
    arrow = pyarrow.table(columns)
    duckdb.sql("select * from arrow").write_parquet(str(HERE / "duckdb.parquet"), compression="gzip")
    nested = pyarrow.table({"text": ["hola", None], "user": [{"name": "ana", "id": 7}, None]})
    pyarrow.parquet.write_table(nested, HERE / "nested.parquet", compression="snappy", use_dictionary=True)


if __name__ == "__main__":
    tables()
    objects()
    archive()
    packed()
    parquet()
