#!/usr/bin/env python3
"""Our ingest beside PostgreSQL and Tessera, in one run on one machine, alternating: records of 600 bytes,
durable before the answer. Ours are signed and checked; theirs are not. Writes FOLDER/bench/peers.json.

Usage: peers.py BUILD_FOLDER [--runs N] [--seconds S]
"""
import argparse
import json
import os
import pathlib
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PG = pathlib.Path("/usr/lib/postgresql/15/bin")
RECORD = "x" * 470  # with the other members of the document: 600 bytes


def run(command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


class Postgres:
    """A server of its own with Debian's settings (fsync on), on a Unix socket."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.user = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            who = pwd.getpwnam("postgres")
            os.chown(folder, who.pw_uid, who.pw_gid)
            self.user = {"user": who.pw_uid, "group": who.pw_gid}
        run([PG / "initdb", "-D", self.data, "-A", "trust", "-U", "bench"], **self.user)
        self.control("-w", "-o", f"-c listen_addresses= -c unix_socket_directories={folder}",
                     "-l", self.folder / "log", "start")
        self.sql("create table record (hash bytea primary key, body jsonb not null)")
        body = f'{{"media_type":"application/pdf","size":12345,"source":"permit office","text":"{RECORD}"}}'
        (self.folder / "one.sql").write_text(
            "\\set r random(1, 9000000000000000000)\n"
            f"insert into record values (sha256((:r)::text::bytea), '{body}');\n")
        (self.folder / "hundred.sql").write_text(
            "\\set r random(1, 9000000000000000000)\n"
            "insert into record select sha256((:r::bigint / 1000 + g)::text::bytea), "
            f"'{body}' from generate_series(1, 100) g on conflict do nothing;\n")

    def control(self, *arguments):
        subprocess.run([PG / "pg_ctl", "-D", self.data, *arguments], check=True,
                       stdout=subprocess.DEVNULL, **self.user)

    def sql(self, text):
        run(["psql", "-h", self.folder, "-U", "bench", "-d", "postgres", "-c", text])

    def rate(self, script, clients, seconds):
        self.sql("truncate record")
        out = run([PG / "pgbench", "-h", self.folder, "-U", "bench", "-n", "-M", "prepared",
                   "-c", str(clients), "-j", "2", "-T", str(seconds), "-f",
                   self.folder / script, "postgres"])
        line = next(line for line in out.splitlines() if line.startswith("tps ="))
        return float(line.split()[2])

    def stop(self):
        self.control("-m", "immediate", "stop")


def tessera_rate(program, seconds):
    with tempfile.TemporaryDirectory(dir=".") as folder:
        return float(run([program, "-dir", folder, "-seconds", str(seconds)]).split()[-1])


def ours(build, runs=1):
    out = run([build / "bench" / "qifeng-bench", "ingest", "--json", "--runs", str(runs), "--folder",
               build / "bench"], env={**os.environ, "QIFENG": str(build / "qifeng")})
    return {result["id"]: result["value"] for result in json.loads(out)["results"]}


def build_tessera(build):
    program = build / "bench" / "tessera-bench"
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    subprocess.run(["go", "build", "-o", program, "."], cwd=HERE / "peers" / "tessera", check=True,
                   env=environment)
    return program


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    arguments = parser.parse_args()
    build = pathlib.Path(arguments.build).resolve()
    program = build_tessera(build) if shutil.which("go") else None
    if program is None:
        print("Go is missing: Tessera is left out", file=sys.stderr)
    samples = {}

    def note(name, value):
        samples.setdefault(name, []).append(value)
        print(f"  {name}: {value:,.0f}/s", file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        postgres = Postgres(folder)
        try:
            for round_number in range(arguments.runs):
                print(f"round {round_number + 1} of {arguments.runs}", file=sys.stderr)
                for name, value in ours(build).items():
                    note(name, value)
                for clients in (1, 16, 64):
                    note(f"postgresql.{clients}",
                         postgres.rate("one.sql", clients, arguments.seconds))
                note("postgresql.hundreds", 100 * postgres.rate("hundred.sql", 8, arguments.seconds))
                if program is not None:
                    note("tessera.256", tessera_rate(program, arguments.seconds))
        finally:
            postgres.stop()
    medians = {name: statistics.median(values) for name, values in samples.items()}
    pairs = [("ingest.single64.es256", "postgresql.64", 1.0), ("ingest.single64.es256", "tessera.256", None),
             ("ingest.lines100.es256", "postgresql.hundreds", None),
             ("ingest.lines100.es256", "postgresql.64", None), ("ingest.lines100.es256", "tessera.256", None)]
    results = [{"id": name, "value": value, "unit": "records/s", "better": "higher",
                "runs": arguments.runs} for name, value in medians.items()]
    for value, base, bar in pairs:
        if value in medians and base in medians:
            results.append({"id": f"{value}/{base}", "value": medians[value], "unit": "tx/s", "base": base,
                            "base_value": medians[base], "ratio": medians[value] / medians[base],
                            "better": "higher", "runs": arguments.runs, **({"bar": bar} if bar else {})})
    commit = run(["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=HERE).strip()
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), "")
    report = {"name": "peers", "commit": commit, "cpu": cpu, "cores": os.cpu_count(), "results": results}
    (build / "bench" / "peers.json").write_text(json.dumps(report, indent=1) + "\n")
    for result in results:
        ratio = f"{result['ratio']:8.2f} × {result['base']}" if "ratio" in result else ""
        print(f"{result['id']:45} {result['value']:12,.0f} {result['unit']:10}{ratio}")


if __name__ == "__main__":
    main()
