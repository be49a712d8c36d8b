#!/usr/bin/env python3
"""A log of few users and very many experiments: many.py DATA [experiments] [users] [share] [days]

Each experiment has `share` of the users (200, 40,000, 0.05 and 14 unless given), split in two halves that do not differ; about a
quarter of the users comes on a day, and does seven things. DATA becomes what prepare.py makes a project of. Needs numpy and pyarrow.
"""
import datetime
import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

given = sys.argv[2:] + [None] * 4
data, experiments, users = sys.argv[1], int(given[0] or 200), int(given[1] or 40_000)
share, days = float(given[2] or 0.05), int(given[3] or 14)
random = np.random.default_rng(1)
names = np.array([f"{name:016x}" for name in random.integers(0, 2**63, users)])
# Where in [0, 1) each user lies in each experiment: below share/2 in control, below share in treatment.
drawn = random.random((experiments, users), dtype=np.float32)
first_day = random.integers(0, days, users)


def instants(begin, within_us, n):
    return pa.array(begin + random.integers(0, within_us, n), pa.timestamp("us", "UTC"))


def write(log, day, columns):
    folder = f"{data}/{log}/ds={day}"
    os.makedirs(folder, exist_ok=True)
    pq.write_table(pa.table(columns), f"{folder}/part-0.parquet")


for d in range(days):
    day = datetime.date(2025, 3, 3) + datetime.timedelta(d)
    begin = int(datetime.datetime(day.year, day.month, day.day, tzinfo=datetime.timezone.utc).timestamp()) * 1_000_000
    there = np.flatnonzero((random.random(users) < 0.25) & (first_day <= d))
    who = np.repeat(there, random.poisson(6, len(there)) + 1)
    event = random.choice(["impression", "click", "purchase", "ad_view"], len(who), p=[0.6, 0.2, 0.05, 0.15])
    value = np.round(random.lognormal(3, 1, len(who)), 2)
    write("events", day, {
        "ts": instants(begin, 86_400_000_000, len(who)),
        "user_id": names[who],
        "event": event,
        "value": pa.array(value, mask=event != "purchase"),
    })
    # In the first minute of the day, before most of what is done on it.
    in_them = [there[drawn[e, there] < share] for e in range(experiments)]
    which = np.repeat(np.arange(experiments), [len(who) for who in in_them])
    who = np.concatenate(in_them)
    write("exposures", day, {
        "ts": instants(begin, 60_000_000, len(who)),
        "user_id": names[who],
        "experiment_id": np.array([f"exp_{e:04d}" for e in range(experiments)])[which],
        "variant": np.where(drawn[which, who] < share / 2, "control", "treatment"),
    })
arms = ["control", "treatment"]
truth = [{"id": f"exp_{e:04d}", "start_day": 0, "arms": arms} for e in range(experiments)]
json.dump({"experiments": truth}, open(f"{data}/truth.json", "w"))
