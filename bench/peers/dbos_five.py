"""Runs of five no-op steps on DBOS, for bench/flow.py: URL of its system database, runs, how many at once."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS

URL, RUNS, AT_ONCE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
DBOS(config={"name": "five", "system_database_url": URL, "log_level": "ERROR"})
first, waits, whole = {}, [], []


@DBOS.step()
def nothing(n, asked):
    if n == 0:
        first[asked] = time.perf_counter()


@DBOS.workflow()
def five(asked):
    for n in range(5):
        nothing(n, asked)


def one(_):
    asked = time.perf_counter()
    five(asked)
    whole.append(time.perf_counter() - asked)
    waits.append(first[asked] - asked)


def percentile(values, share):
    return sorted(values)[int(share * (len(values) - 1))] * 1000


DBOS.launch()
one(0)  # what is made once is not measured
waits.clear()
whole.clear()
begin = time.perf_counter()
with ThreadPoolExecutor(AT_ONCE) as pool:
    list(pool.map(one, range(RUNS)))
took = time.perf_counter() - begin
print(json.dumps({"runs_per_s": RUNS / took, "first_p50_ms": percentile(waits, 0.5), "first_p99_ms": percentile(waits, 0.99),
                  "run_p50_ms": percentile(whole, 0.5)}), flush=True)
DBOS.destroy()
