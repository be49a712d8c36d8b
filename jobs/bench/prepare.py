#!/usr/bin/env python3
"""A project over a generated marketplace log, for measuring: prepare.py DATA PROJECT [experiments] [more]

DATA has events/ds=…, exposures/ds=… and truth.json, which names the experiments, their arms and first days.
PROJECT becomes a project folder with five metrics and those experiments (or the first few of them). With `more` there are so many
metrics beside revenue, and each experiment has four of them: those of a company whose teams have metrics of their own.
"""
import datetime
import json
import os
import sys

data, project = os.path.abspath(sys.argv[1]), sys.argv[2]
experiments = json.load(open(f"{data}/truth.json"))["experiments"]
if len(sys.argv) > 3:
    experiments = experiments[: int(sys.argv[3])]
more = int(sys.argv[4]) if len(sys.argv) > 4 else 0
first = min(name[3:] for name in os.listdir(f"{data}/events") if name.startswith("ds="))
os.makedirs(f"{project}/experiments", exist_ok=True)

with open(f"{project}/project.yaml", "w") as out:
    out.write(f"""\
project: {{name: marketplace, tables: tables}}
sources:
  events: {{path: "{data}/events", timestamp: ts, units: {{user_id: user_id}}}}
  exposures: {{path: "{data}/exposures", timestamp: ts, units: {{user_id: user_id}}}}
exposures:
  assignments: {{source: exposures, experiment: experiment_id, variant: variant}}
metrics:
  ad_views: {{type: mean, source: events, aggregate: count, filter: event = 'ad_view'}}
  conv: {{type: proportion, source: events, filter: event = 'purchase'}}
  revenue: {{type: mean, source: events, value: value, filter: event = 'purchase'}}
  ctr:
    type: ratio
    numerator: {{source: events, aggregate: count, filter: event = 'click'}}
    denominator: {{source: events, aggregate: count, filter: event = 'impression'}}
  active_days: {{type: mean, source: events, aggregate: distinct_days}}
""")
    for k in range(more):
        condition = f"event = 'purchase' AND value > {k}"
        out.write(f"  beyond_{k}: {{type: mean, source: events, value: value, filter: \"{condition}\"}}\n")
for n, e in enumerate(experiments):
    own = ["conv", "ad_views", "ctr", "active_days"]
    if more:
        own = sorted({f"beyond_{(7 * n + 11 * j) % more}" for j in range(4)})
    start = datetime.date.fromisoformat(first) + datetime.timedelta(days=e["start_day"])
    with open(f"{project}/experiments/{e['id']}.yaml", "w") as out:
        out.write(f"""\
experiment:
  name: {e["id"]}
  start: {start}
  design: {{unit: user_id, variants: [{", ".join(e["arms"])}]}}
  metrics:
    primary: {{name: revenue}}
    secondary: [{", ".join(f"{{name: {name}}}" for name in own)}]
""")
