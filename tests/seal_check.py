#!/usr/bin/env python3
"""Reads what Kehu seals, with nothing but docs/sealing.md and Python's `cryptography`.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install cryptography
    /tmp/venv/bin/python tests/seal_check.py
        recomputes docs/vectors/*.json
    /tmp/venv/bin/python tests/seal_check.py open KEY_FILE DATABASE contact.phones ROW
        opens one cell of a SQLite database, prints its plaintext, and looks whether it is indexed as it should be;
        with - for DATABASE what the database has is read from standard input as JSON, in hex: {"org", "cell",
        "roots": [{"key_id", "purpose", "state", "kek_id", "wrapped"}], "index": [{"key_id", "class", "bucket", "check"}]}

It starts from the KEK's text and the wrapped roots, as someone with a copy of the database and the key file would,
and shows implementers of the format how each value comes about.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sqlite3
import struct
import sys
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# Where the cells of a field lie, and the class under which the elements of its list are found.
TABLES = {"customer": "customers", "contact": "contacts", "user": "users"}
CLASSES = {"phones": "phone", "emails": "email"}
NUMBERS = {"phone": 1, "email": 2, "id_number": 3, "bank_account": 4, "wechat": 5, "birthday": 6, "login": 7}
WIDTHS = (8, 12, 16, 20, 24, 28)

# Plaintext bytes of a chunk of a file.
CHUNK = 65536

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "docs" / "vectors"


def read_keks(text):
    """id:base64[,id:base64…] as a dictionary."""
    keys = {}
    for entry in text.strip().split(","):
        name, key = entry.strip().split(":", 1)
        keys[name] = base64.b64decode(key)
        assert len(keys[name]) == 32
    return keys


def derive(root, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=b"", info=info).derive(root)


def unwrap_root(keks, org, row):
    """nonce 12 ‖ ciphertext ‖ tag under the KEK, bound to organisation, number and purpose."""
    wrapped = bytes.fromhex(row["wrapped"])
    aad = b"kehu-wrap/v1" + org + struct.pack(">I", row["key_id"]) + row["purpose"].encode()
    return AESGCM(keks[row["kek_id"]]).decrypt(wrapped[:12], wrapped[12:], aad)


def open_cell(roots, org, path, row, cell):
    """01 ‖ key_id ‖ nonce 12 ‖ ciphertext ‖ tag 16; the padding is 80 and zeros."""
    suite, key_id = struct.unpack(">BI", cell[:5])
    assert suite == 1, "a suite that is not known"
    name = path.encode()
    length = struct.pack(">H", len(name))
    key = derive(roots[("enc", key_id)], b"kehu-field/v1/enc\0" + org + length + name)
    aad = b"kehu\0" + cell[:5] + org + length + name + row
    padded = AESGCM(key).decrypt(cell[5:17], cell[17:], aad)
    assert len(padded) % 32 == 0
    value, mark, rest = padded.rpartition(b"\x80")
    assert mark and not rest.strip(b"\0") and len(padded) - len(value) <= 32
    return value


def index_entry(key, record, text):
    """The buckets of all widths, without the class number, and the check."""
    full = int.from_bytes(hmac.digest(key, text, "sha256")[:8], "big")
    return {width: full >> (64 - width) for width in WIDTHS}, hmac.digest(key, record + text, "sha256")[:8]


def index_key(roots, key_id, org, name):
    return derive(roots[("index", key_id)], b"kehu-index/v1\0" + org + name.encode())


def check_cells(vectors, roots, org):
    for refused in vectors["refused"]:
        try:
            open_cell(roots, org, refused["path"], uuid.UUID(refused["row"]).bytes, bytes.fromhex(refused["cell"]))
        except (InvalidTag, AssertionError, KeyError, struct.error):
            continue
        raise AssertionError(refused["why"])
    for cell in vectors["cells"]:
        row, sealed = uuid.UUID(cell["row"]).bytes, bytes.fromhex(cell["cell"])
        assert open_cell(roots, org, cell["path"], row, sealed).decode() == cell["plaintext"]
        assert sealed[5:17].hex() == cell["nonce"]
        for path, moved, bent in [
            ("other.path", row, sealed),
            (cell["path"], bytes(16), sealed),
            (cell["path"], row, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        ]:
            try:
                open_cell(roots, org, path, moved, bent)
            except InvalidTag:
                continue
            raise AssertionError("a moved or altered cell was opened")
    return len(vectors["cells"])


def check_index(vectors, roots, org):
    count = 0
    ((_, key_id),) = [key for key in roots if key[0] == "index"]
    for entry in vectors["index"]:
        key = index_key(roots, key_id, org, entry["class"])
        values, check = index_entry(key, uuid.UUID(entry["record"]).bytes, entry["normalised"].encode())
        assert check.hex() == entry["check"]
        for one in entry["values"]:
            assert values[one["width"]] == one["value"]
            assert NUMBERS[entry["class"]] << 40 | one["width"] << 32 | one["value"] == one["bucket"]
            count += 1
    return count


def decode(text):
    return base64.b64decode(text, altchars=b"-_", validate=True)


def check_tokens(vectors):
    opaque = vectors["tokens"]["opaque"]
    assert decode(opaque["token"].split("_", 1)[1])[:16] == uuid.UUID(opaque["org"]).bytes
    digest = hashlib.sha256(b"kehu-token/v1\0" + opaque["token"].encode()).hexdigest()
    assert digest == opaque["hash"]

    refresh = vectors["tokens"]["refresh"]
    head = uuid.UUID(refresh["org"]).bytes + uuid.UUID(refresh["session"]).bytes + struct.pack(">Q", refresh["counter"])
    mac = hmac.digest(bytes.fromhex(refresh["family_key"]), b"kehu-refresh/v1\0" + head, "sha256")
    assert decode(refresh["token"].removeprefix("rt_")) == head + mac


def counted(data):
    return struct.pack(">I", len(data)) + data


def text(value):
    return counted(value.encode())


def or_null(value, encode):
    return b"\0" if value is None else b"\1" + encode(value)


def number(value):
    return struct.pack(">q", value)


def id_bytes(value):
    return uuid.UUID(value).bytes


def entry_message(org, entry):
    parts = [b"kehu-journal/v1/entry\0", org, id_bytes(entry["id"]), number(entry["at"])]
    parts += [text(entry[name]) for name in ("class", "outcome", "event", "actor_kind")]
    parts += [or_null(entry["actor_id"], id_bytes), text(entry["via"]), or_null(entry["session_id"], id_bytes)]
    parts += [text(entry["request_id"]), or_null(entry["kind"], text), or_null(entry["record_id"], id_bytes)]
    parts += [number(entry["version"]), text(entry["changed"])]
    parts += [or_null(entry[name], id_bytes) for name in ("owner_before", "owner_after", "team_before", "team_after")]
    return b"".join(parts) + counted(bytes.fromhex(entry["commitment"]))


def check_journal(journal, roots, org):
    ((_, key_id),) = [key for key in roots if key[0] == "chain"]
    head = struct.pack(">BI", 1, key_id)
    key = {name: derive(roots[("chain", key_id)], b"kehu-chain/v1\0" + org + name.encode()) for name in ("entry", "stretch")}
    commitment = hashlib.sha256(bytes.fromhex(journal["salt"]) + journal["body"].encode()).hexdigest()
    digests = b""
    for entry in journal["entries"]:
        assert entry["commitment"] == commitment
        message = entry_message(org, entry)
        mac = head + hmac.digest(key["entry"], message, "sha256")[:16]
        assert mac.hex() == entry["mac"]
        digest = hashlib.sha256(b"kehu-journal/v1/digest\0" + number(entry["seq"]) + counted(mac) + counted(message))
        assert digest.hexdigest() == entry["digest"]
        digests += number(entry["seq"]) + digest.digest()
    stretch = journal["stretch"]
    assert digests.hex() == stretch["digests"] and hashlib.sha256(digests).hexdigest() == stretch["root"]
    numbers = ("number", "first_seq", "last_seq", "entries", "first_at", "last_at", "closed_at")
    message = b"kehu-journal/v1/stretch\0" + org + b"".join(number(stretch[name]) for name in numbers)
    message += counted(bytes.fromhex(stretch["root"])) + counted(bytes.fromhex(stretch["previous"]))
    hashed = hashlib.sha256(message).digest()
    assert hashed.hex() == stretch["hash"]
    assert (head + hmac.digest(key["stretch"], hashed, "sha256")).hex() == stretch["mac"]
    end, place = journal["head"], journal["place"]
    message = b"kehu-journal/v1/head\0" + org + number(end["begins"]) + number(end["number"])
    message += counted(bytes.fromhex(end["hash"]))
    assert (head + hmac.digest(key["stretch"], hashlib.sha256(message).digest(), "sha256")).hex() == end["mac"]
    message = b"kehu-journal/v1/place\0" + text(place["name"]) + number(place["seq"])
    assert (head + hmac.digest(key["stretch"], hashlib.sha256(message).digest(), "sha256")).hex() == place["mac"]
    return len(journal["entries"])


def seal_file(key, org, file, content):
    """A file beside the database: a head, and chunks that are sealed for their places."""
    head = b"kehu-file\0\x01\0" + struct.pack(">I", CHUNK)
    chunks = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)] or [b""]
    sealed = head
    for number, chunk in enumerate(chunks):
        nonce = bytes(3) + struct.pack(">Q", number) + bytes([number + 1 == len(chunks)])
        sealed += AESGCM(key).encrypt(nonce, chunk, b"kehu-file/v1\0" + head + org + file)
    return sealed


def check_files(vectors):
    key, org, file = bytes.fromhex(vectors["key"]), uuid.UUID(vectors["org"]).bytes, uuid.UUID(vectors["file"]).bytes
    for row in vectors["files"]:
        content = bytes(at % 251 for at in range(row["size"])) if row["sealed"] is None else bytes.fromhex(row["content"])
        sealed = seal_file(key, org, file, content)
        assert hashlib.sha256(sealed).hexdigest() == row["sha256_of_sealed"], row["name"]
        assert row["sealed"] in (None, sealed.hex()), row["name"]
    return len(vectors["files"])


def of_sqlite(database, path, row):
    """What a SQLite database has on a cell: its organisation's roots, the cell, the entries of the row."""
    table, column = TABLES[path.split(".")[0]], path.split(".")[1]
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    org, cell = connection.execute(f"SELECT org_id, {column} FROM {table} WHERE id = ?", (row,)).fetchone()
    hexed = lambda found: {name: found[name].hex() if isinstance(found[name], bytes) else found[name] for name in found.keys()}
    roots = connection.execute("SELECT * FROM tenant_keys WHERE org_id = ?", (org,)).fetchall()
    index = connection.execute("SELECT * FROM pii_index WHERE org_id = ? AND record_id = ?", (org, row)).fetchall()
    return {"org": org.hex(), "cell": cell.hex(), "roots": list(map(hexed, roots)), "index": list(map(hexed, index))}


def open_one(key_file, database, path, row):
    row = uuid.UUID(row).bytes
    stored = json.load(sys.stdin) if database == "-" else of_sqlite(database, path, row)
    org = uuid.UUID(stored["org"]).bytes
    keks = read_keks(pathlib.Path(key_file).read_text(encoding="ascii"))
    open_roots = [root for root in stored["roots"] if root["state"] in ("primary", "active")]
    roots = {(root["purpose"], root["key_id"]): unwrap_root(keks, org, root) for root in open_roots}
    plaintext = open_cell(roots, org, path, row, bytes.fromhex(stored["cell"])).decode()
    found = []
    name = CLASSES.get(path.split(".")[1])
    for element in json.loads(plaintext) if name else []:
        for entry in stored["index"]:
            values, check = index_entry(index_key(roots, entry["key_id"], org, name), row, element["v"].encode())
            buckets = {NUMBERS[name] << 40 | width << 32 | value: width for width, value in values.items()}
            if entry["class"] == name and entry["check"] == check.hex() and entry["bucket"] in buckets:
                found.append({"class": name, "value": element["v"], "width": buckets[entry["bucket"]]})
    print(json.dumps({"plaintext": plaintext, "index": found}, ensure_ascii=False))


def main():
    if sys.argv[1:2] == ["open"] and len(sys.argv) == 6:
        return open_one(*sys.argv[2:])
    if sys.argv[1:]:
        return __doc__
    vectors = json.loads((VECTORS / "cells.json").read_text(encoding="utf-8"))
    keks = read_keks(vectors["kek"])
    org = uuid.UUID(vectors["org"]).bytes
    roots = {}
    for row in vectors["roots"]:
        root = unwrap_root(keks, org, row)
        assert root.hex() == row["root"]
        roots[(row["purpose"], row["key_id"])] = root
    cells, values = check_cells(vectors, roots, org), check_index(vectors, roots, org)
    check_tokens(vectors)
    journal = json.loads((VECTORS / "journal.json").read_text(encoding="utf-8"))
    entries = check_journal(journal, roots, org)
    files = check_files(json.loads((VECTORS / "files.json").read_text(encoding="utf-8")))
    print(f"{len(roots)} roots, {cells} cells that open and {len(vectors['refused'])} that do not, {values} index values, 2 tokens, {entries} journal entries and {files} files agree")


if __name__ == "__main__":
    sys.exit(main())
