#!/usr/bin/env python3
"""Turn the Open Bandit impressions (small version, obp 0.4.1) into two daily logs.

    python make_sample.py SOURCE.parquet OUTPUT_FOLDER

writes OUTPUT_FOLDER/events/ds=YYYY-MM-DD/part-N.parquet and
OUTPUT_FOLDER/exposures/ds=YYYY-MM-DD/part-N.parquet. The same source and pyarrow
version give the same bytes. The counts are checked against the published ones, in
the source and again in the files written; a difference ends the run with an error.

SOURCE has one row per impression: campaign, policy, row (its number in the CSV file
of that campaign and policy), timestamp (UTC), item_id, position, click (0 or 1),
propensity_score, user_feature_0 to user_feature_3.
"""

import datetime as dt
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

UTC = dt.timezone.utc
FIRST_DAY = dt.datetime(2019, 11, 24, tzinfo=UTC)
DAYS = 7
# These days come in two files, before and from noon, as a log that rolls over does.
SPLIT_DAYS = {"2019-11-24", "2019-11-28"}

USER_FEATURES = [f"user_feature_{i}" for i in range(4)]

# (experiment, variant): (clicks, impressions), then the same at positions 1, 2, 3.
PUBLISHED = {
    ("all", "random"): [(38, 10_000), (13, 3_322), (14, 3_412), (11, 3_266)],
    ("all", "bts"): [(42, 10_000), (11, 3_362), (15, 3_317), (16, 3_321)],
    ("men", "random"): [(46, 10_000), (10, 3_284), (22, 3_388), (14, 3_328)],
    ("men", "bts"): [(69, 10_000), (30, 3_339), (21, 3_262), (18, 3_399)],
    ("women", "random"): [(46, 10_000), (15, 3_329), (15, 3_374), (16, 3_297)],
    ("women", "bts"): [(46, 10_000), (17, 3_288), (17, 3_360), (12, 3_352)],
}


def not_null(*columns):
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns])


TS = pa.timestamp("us", tz="UTC")
EVENTS = not_null(
    ("ts", TS),
    ("event", pa.string()),
    ("impression_id", pa.string()),
    ("item_id", pa.int64()),
    ("position", pa.int64()),
    ("propensity", pa.float64()),
)
EXPOSURES = not_null(
    ("ts", TS),
    ("impression_id", pa.string()),
    ("experiment", pa.string()),
    ("variant", pa.string()),
    *((name, pa.string()) for name in USER_FEATURES),
)


def main(source, out):
    log = read(source)
    check(log, "source")

    # One row per impression and, with the same time, one more per click: the source
    # does not say when the click came.
    clicks = log.filter(pc.equal(log["click"], 1))
    events = pa.concat_tables(
        [with_constant(log, "event", "impression"), with_constant(clicks, "event", "click")]
    )
    write(events, EVENTS, ["ts", "impression_id", "event"], out / "events")
    write(log, EXPOSURES, ["ts", "impression_id"], out / "exposures")

    check(read_back(out), "files written")


def read(path):
    """The source with the names of the logs, and the impression's id."""
    table = pq.read_table(path)
    parts = [table[name].cast(pa.string()) for name in ("campaign", "policy", "row")]
    impression_id = pc.binary_join_element_wise(*parts, "-")
    columns = {
        "ts": table["timestamp"],
        "impression_id": impression_id,
        "experiment": table["campaign"],
        "variant": table["policy"],
        "item_id": table["item_id"],
        "position": table["position"],
        "propensity": table["propensity_score"],
        "click": table["click"],
    }
    return pa.table(columns | {name: table[name] for name in USER_FEATURES})


def with_constant(table, name, value):
    return table.append_column(name, pa.repeat(value, len(table)))


def write(table, schema, order, folder):
    table = table.select(schema.names).cast(schema)
    table = table.sort_by([(name, "ascending") for name in order])
    for day in range(DAYS):
        start = FIRST_DAY + dt.timedelta(days=day)
        name = start.date().isoformat()
        cuts = [0, 12, 24] if name in SPLIT_DAYS else [0, 24]
        (folder / f"ds={name}").mkdir(parents=True, exist_ok=True)
        for part, (lo, hi) in enumerate(zip(cuts, cuts[1:])):
            since, until = (pa.scalar(start + dt.timedelta(hours=h), TS) for h in (lo, hi))
            rows = pc.and_(
                pc.greater_equal(table["ts"], since), pc.less(table["ts"], until)
            )
            pq.write_table(
                table.filter(rows),
                folder / f"ds={name}" / f"part-{part}.parquet",
                compression="zstd",
                compression_level=19,
                # A dictionary does nothing for values that (almost) never repeat.
                use_dictionary=[c for c in schema.names if c not in ("ts", "impression_id")],
            )


def read_back(out):
    """One row per exposure, with the position and the clicks of its events."""
    events, exposures = (
        ds.dataset(out / name, partitioning="hive").to_table()
        for name in ("events", "exposures")
    )
    kind = events["event"]
    clicks = events.filter(pc.equal(kind, "click")).group_by("impression_id")
    clicks = clicks.aggregate([([], "count_all")]).rename_columns(["impression_id", "click"])
    joined = (
        exposures.select(["impression_id", "experiment", "variant"])
        .join(events.filter(pc.equal(kind, "impression")), "impression_id", join_type="full outer")
        .join(clicks, "impression_id", join_type="full outer")
    )
    column = joined.schema.get_field_index("click")
    return joined.set_column(column, "click", pc.fill_null(joined["click"], 0))


def check(table, where):
    """Compare rows and clicks per experiment, variant and position with PUBLISHED."""
    ids = pc.count_distinct(table["impression_id"]).as_py()
    if ids != len(table):
        sys.exit(f"{where}: {len(table)} rows, but {ids} impressions")
    groups = table.group_by(["experiment", "variant", "position"])
    groups = groups.aggregate([("click", "sum"), ([], "count_all")]).to_pylist()
    found = {}
    for g in groups:
        counts = found.setdefault((g["experiment"], g["variant"]), {})
        counts[g["position"]] = (g["click_sum"], g["count_all"])
    expected = {arm: dict(enumerate(p[1:], start=1)) for arm, p in PUBLISHED.items()}
    if found != expected:
        sys.exit(f"{where}: counts are not the published ones\n{found}\n{expected}")
    for arm, positions in found.items():
        total = tuple(map(sum, zip(*positions.values())))
        if total != PUBLISHED[arm][0]:
            sys.exit(f"{where}: {arm} has {total}, published {PUBLISHED[arm][0]}")
    print(f"{where}: {len(table)} impressions, the counts are the published ones")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
