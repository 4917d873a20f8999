#!/usr/bin/env python3
"""What text search costs: bytes of its index for each customer, and milliseconds of `q`.

    python3 bench/search.py --program target/release/kehu --rows 100000
    python3 bench/search.py --program target/release/kehu --rows 100000 --database-url postgres://…

Starts the program with an empty database (a new folder, or the empty database that is named), loads made-up customers
through the door, the same every time, and asks on one connection. CPU is the program's alone. Only what Python brings
is needed; sizes on PostgreSQL are asked of `psql`.
"""

import argparse, http.client, json, os, random, sqlite3, statistics, subprocess, tempfile, time, urllib.parse

CITIES = "北京 上海 广州 深圳 杭州 成都 南京 苏州 武汉 西安 青岛 厦门 重庆 天津 长沙 郑州 沈阳 大连 昆明 合肥".split()
CORES = "智云华信恒泰远通鼎盛宏图瑞丰天成博雅卓越金诚海纳科创新联合众力达凌霄麒麟朝阳乐山长虹"
TRADES = "科技 贸易 软件 信息技术 教育咨询 医疗器械 装饰工程 物流 餐饮管理 新能源 文化传媒 环保科技 汽车销售 食品 服装".split()
NOTES = "展会上认识，关注交期和价格。|对方要求三月底前寄样品，预算已经批下来。|由老客户介绍，决策人在总部。|".split("|")
QUERIES = ["凌霄", "麒麟科技", "霄", "lxkj", "lingxiaokeji", "qilin", "北京", "bj", "beijing", "公司", "gs", "a",
           "样品", "凌霄 公司", "北京 bdwjl"]


def names(rows):
    chance = random.Random(8)
    for _ in range(rows):
        core = "".join(chance.choice(CORES) for _ in range(chance.randint(2, 4)))
        yield chance.choice(CITIES) + core + chance.choice(TRADES) + "有限公司", chance.choice(NOTES)


class Door:
    def __init__(self, port):
        self.connection, self.token = http.client.HTTPConnection("127.0.0.1", port), None

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:300]!r}")
        return json.loads(text)

    def sign_in(self):
        body = {"login": "bench@kehu.test", "password": "Kehu-Bench-Horse-2026"}
        self.token = self.ask("POST", "/v1/auth/login", body)["access_token"]


def sizes(folder, url):
    """Bytes of what belongs to search, and of customers with their indexes."""
    if url:
        sql = ("SELECT pg_total_relation_size('search_text'), pg_relation_size('search_text_tokens'),"
               " pg_total_relation_size('customers')")
        told = subprocess.run(["psql", "-AtF", " ", url, "-c", sql], check=True, capture_output=True, text=True).stdout
        all_of, index, customers = map(int, told.split())
        return {"search_text, all": all_of, "of it the index": index, "customers, all": customers}
    db = sqlite3.connect(os.path.join(folder, "data", "kehu.db"))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    def used(condition):
        return db.execute(f"SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE {condition}").fetchone()[0]
    try:
        return {"search_text, all": used("name LIKE 'search_%'"), "of it the index": used("name LIKE 'search_fts%'"),
                "customers, all": used("name = 'customers' OR name LIKE 'customers_%'")}
    except sqlite3.OperationalError:
        return {"the whole file": os.path.getsize(os.path.join(folder, "data", "kehu.db"))}


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--program", required=True)
    words.add_argument("--rows", type=int, default=100_000)
    words.add_argument("--rounds", type=int, default=20)
    words.add_argument("--port", type=int, default=18_471)
    words.add_argument("--database-url")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "KEHU_ADMIN_EMAIL": "bench@kehu.test", "KEHU_ADMIN_PASSWORD": "Kehu-Bench-Horse-2026",
                       "KEHU_RATE_LIMIT": "0", "KEHU_READ_LIMIT": "0", "KEHU_LOG": "warn"}
        command = [asked.program, "serve", "--data", f"{folder}/data", "--kek-file", f"{folder}/key",
                   "--listen", f"127.0.0.1:{asked.port}"]
        if asked.database_url:
            command += ["--database-url", asked.database_url]
            environment["KEHU_KEK"] = "bench:base64,MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
        server = subprocess.Popen(command, env=environment)
        try:
            measure(asked, folder, server.pid)
        finally:
            server.terminate()
            server.wait()


def cpu(pid):
    """Milliseconds of processor time that the program has taken."""
    with open(f"/proc/{pid}/stat") as stat:
        user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) * 1000 / os.sysconf("SC_CLK_TCK")


def measure(asked, folder, pid):
    for _ in range(600):
        try:
            door = Door(asked.port)
            door.sign_in()
            break
        except (ConnectionError, http.client.HTTPException):
            time.sleep(0.1)
    begun, batch = time.monotonic(), []
    for number, (name, note) in enumerate(names(asked.rows), 1):
        batch.append({"name": name, "kind": "company", "remark": note} if note else {"name": name, "kind": "company"})
        if len(batch) == 1000 or number == asked.rows:
            door.ask("POST", "/v1/customers/batch?on_duplicate=allow", {"atomic": False, "items": batch})
            batch = []
        if number % 50_000 == 0:
            door.sign_in()
    took = time.monotonic() - begun
    print(f"{asked.rows} customers in {took:.0f} s, {asked.rows / took:.0f} a second\n")
    print("| what | bytes for each customer |\n|---|---:|")
    for what, size in sizes(folder, asked.database_url).items():
        print(f"| {what} | {size / asked.rows:.0f} |")
    door.sign_in()
    print("\n| q | found | CPU ms | p50 ms |\n|---|---:|---:|---:|")
    for q in QUERIES:
        path = "/v1/customers?limit=50&q=" + urllib.parse.quote(q)
        found = door.ask("GET", path + "&count=exact")["page"]["count"]
        times, before = [], cpu(pid)
        for _ in range(asked.rounds):
            sent = time.monotonic()
            door.ask("GET", path)
            times.append((time.monotonic() - sent) * 1000)
        print(f"| `{q}` | {found} | {(cpu(pid) - before) / asked.rounds:.1f} | {statistics.median(times):.1f} |")


if __name__ == "__main__":
    main()
