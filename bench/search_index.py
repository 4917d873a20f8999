#!/usr/bin/env python3
"""What the index of the text search costs by itself, without the program around it.

    cargo build --release -p kehu-domain --example documents
    python3 bench/search_index.py --documents target/release/examples/documents --rows 100000 [--database-url postgres://…]

Puts the documents of made-up customers, the same every time, into the tables of each engine: once with the tokens of
the name's parts alone, as they were before names were found by sound, and once whole. Tells bytes a customer, and
milliseconds of listing what a word finds. PostgreSQL is spoken to by `psql`, in an empty database that may be used.
"""

import argparse, os, sqlite3, statistics, subprocess, tempfile, time, uuid

from search import QUERIES, names


def run(program, lines, *words):
    told = subprocess.run([program, *words], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return [line.split("\t") for line in told.stdout.splitlines()]


def in_sqlite(rows, whole, asked):
    with tempfile.TemporaryDirectory() as folder:
        db = sqlite3.connect(os.path.join(folder, "db"))
        db.executescript("CREATE TABLE search_text (rid integer PRIMARY KEY, org_id blob NOT NULL, kind text NOT NULL,"
                         " record_id blob NOT NULL, text text);"
                         "CREATE UNIQUE INDEX search_text_record ON search_text (org_id, record_id);"
                         "CREATE VIRTUAL TABLE search_fts USING fts5 (tokens, content='', detail=none, tokenize='ascii')")
        org = uuid.UUID(int=7).bytes
        for rid, (parts, tokens, text) in enumerate(rows, 1):
            record = uuid.UUID(int=rid * 2654435761 % 2**96).bytes
            db.execute("INSERT INTO search_text VALUES (?, ?, 'customer', ?, ?)", (rid, org, record, text if whole else None))
            db.execute("INSERT INTO search_fts (rowid, tokens) VALUES (?, ?)", (rid, (tokens if whole else parts) + " zorg"))
            if rid % 1000 == 0:
                db.commit()
        db.commit()
        size = lambda like: db.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE ?", (like,)).fetchone()[0]
        sizes = size("search%"), size("search_fts%")
        times = {}
        for q, words in asked.items():
            held = ("SELECT t.record_id FROM search_fts f JOIN search_text t ON t.rid = f.rowid WHERE search_fts MATCH ?"
                    " AND instr(t.text, ?) > 0")
            sound = "SELECT t.record_id FROM search_fts f JOIN search_text t ON t.rid = f.rowid WHERE search_fts MATCH ?"
            def once():
                found = None
                for text, match, sounds, _, _ in words:
                    ids = set(db.execute(held, (f"zorg AND ({match})", text))) if match else set()
                    if sounds:
                        ids |= set(db.execute(sound, (f"zorg AND ({sounds})",)))
                    found = ids if found is None else found & ids
                return len(found)
            times[q] = once(), milliseconds(once)
        return sizes, times


def milliseconds(once):
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        once()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def in_postgres(url, rows, whole, asked):
    def psql(sql, text=None):
        told = subprocess.run(["psql", "-qAtX", url, "-v", "ON_ERROR_STOP=1", "-c", sql], input=text, capture_output=True,
                              text=True, check=True)
        return told.stdout
    psql("DROP TABLE IF EXISTS search_text, raw; CREATE TABLE raw (tokens text, text text); CREATE TABLE search_text"
         " (org_id uuid NOT NULL, kind text COLLATE \"C\" NOT NULL, record_id uuid NOT NULL, tokens tsvector NOT NULL,"
         " text text COLLATE \"C\")")
    lines = (f"{(tokens if whole else parts)} zorg\t{text if whole else ''}\n" for parts, tokens, text in rows)
    psql("COPY raw FROM stdin", "".join(lines))
    psql("INSERT INTO search_text SELECT '00000000-0000-0000-0000-000000000007', 'customer', gen_random_uuid(),"
         " array_to_tsvector(string_to_array(tokens, ' ')), text FROM raw; CREATE UNIQUE INDEX search_text_record ON"
         " search_text (org_id, record_id); CREATE INDEX search_text_tokens ON search_text USING gin (tokens); ANALYZE search_text")
    told = psql("SELECT pg_total_relation_size('search_text'), pg_relation_size('search_text_tokens')").strip().split("|")
    times = {}
    for q, words in asked.items():
        parts = []
        for text, _, _, held, sounds in words:
            quoted = text.replace("'", "''")
            either = [f"SELECT record_id FROM search_text WHERE tokens @@ $q$zorg & ({held})$q$::tsquery AND strpos(text, '{quoted}') > 0"]
            if sounds:
                either.append(f"SELECT record_id FROM search_text WHERE tokens @@ $q$zorg & ({sounds})$q$::tsquery")
            parts.append("(" + " UNION ".join(either) + ")")
        sql = "SELECT count(*) FROM (" + " INTERSECT ".join(parts) + ") found"
        explained = "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) " + sql
        took = [float(line.split()[2]) for _ in range(5) for line in psql(explained).splitlines() if line.startswith("Execution")]
        times[q] = int(psql(sql)), statistics.median(took)
    return tuple(map(int, told)), times


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--documents", required=True)
    words.add_argument("--rows", type=int, default=100_000)
    words.add_argument("--database-url")
    told = words.parse_args()
    rows = run(told.documents, [f"{name}\t{note}" for name, note in names(told.rows)])
    asked = {q: run(told.documents, [q], "words") for q in QUERIES}
    engines = [("SQLite", lambda whole: in_sqlite(rows, whole, asked))]
    if told.database_url:
        engines.append(("PostgreSQL", lambda whole: in_postgres(told.database_url, rows, whole, asked)))
    measured = [(name, engine(False)[0], *engine(True)) for name, engine in engines]
    print(f"{told.rows} customers, three in four with a remark of some 20 characters.\n")
    print("| bytes for each customer | names' parts: all | index | whole documents: all | index |\n|---|---:|---:|---:|---:|")
    for name, before, after, _ in measured:
        print("| " + " | ".join([name, *(f"{size / told.rows:.0f}" for size in (*before, *after))]) + " |")
    print("\n| listing `q` | found | " + " | ".join(f"{name}, ms" for name, *_ in measured) + " |\n|---|---:|" + "---:|" * len(measured))
    for q in QUERIES:
        figures = [times[q] for *_, times in measured]
        print(f"| `{q}` | {figures[0][0]} | " + " | ".join(f"{took:.1f}" for _, took in figures) + " |")


main()
