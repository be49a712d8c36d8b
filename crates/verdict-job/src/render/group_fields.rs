//! What `group_stats` has of a metric: its columns, as fields of the moments that are kept.
//!
//! The variables of a metric's moments are its totals (x, and a ratio's y) and after them their covariates; the pairs
//! with the day before have after those the totals as they were. Fields of moments are numbered from 1.

use serde::Serialize;

use super::{Held, MetricSql, WinsorizedSql};

/// A column of `group_stats` and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FieldSql {
    name: &'static str,
    value: String,
}

/// A field of moments, from the numbers of the variables in it; `None`: the metric has none.
type Place = Option<String>;

/// The columns of a metric, with what it shares with the day before where it has a `pair` of that number, and how many units
/// wait for the end of its window where moments of that number tell how many are `complete`.
pub(super) fn of_metric(
    metric: &MetricSql,
    pair: Option<usize>,
    complete: Option<usize>,
) -> Vec<FieldSql> {
    let (own, pair) = (format!("m{}", metric.moments), pair.map(|pair| format!("p{pair}")));
    let covariates = metric.arguments.len() - metric.totals;
    let not_mature =
        complete.map(|m| format!("m{m}['n'] - CAST(coalesce(m{m}['sum_1'], 0) AS BIGINT)"));
    if let Held::Moments(_) = metric.kept {
        let fields = fields(&own, pair.as_deref(), not_mature, (metric.totals, covariates));
        let winsorized = winsorized(metric.winsorized.as_ref(), metric.totals);
        let more = [third(&own, metric.squared_at), totals(metric.counted_at)];
        let past = metric.past_at.map_or_else(Vec::new, |at| past(at, metric.totals));
        // Every metric has the same columns in the same order: rows of one list.
        let or_past = |field: FieldSql| {
            past.iter().find(|own| own.name == field.name).cloned().unwrap_or(field)
        };
        let fields = fields.into_iter().map(or_past).chain(winsorized).chain(no_distribution());
        return fields.chain(more).collect();
    }
    // Of a distribution n and all else follow from its state.
    let nothing = fields("", None, not_mature, (0, 0)).into_iter().chain(winsorized(None, 0));
    let nothing = nothing.chain(no_distribution()).chain([third("", None)]);
    let nothing = nothing.chain([totals(None)]);
    let quantile = metric.quantile.map_or_else(|| "NULL".to_owned(), |q| format!("{q:?}"));
    nothing
        .map(|field| match field.name {
            "quantile" => FieldSql { value: format!("CAST({quantile} AS DOUBLE)"), ..field },
            "distribution" => FieldSql { value: own.clone(), ..field },
            "n" => FieldSql { value: "CAST(NULL AS BIGINT)".to_owned(), ..field },
            "n_not_mature" | "totals" => field,
            _ if field.value.contains("AS BIGINT") => {
                FieldSql { value: "CAST(NULL AS BIGINT)".to_owned(), ..field }
            }
            _ => FieldSql { value: "CAST(NULL AS DOUBLE)".to_owned(), ..field },
        })
        .collect()
}

/// The columns of what a metric was before the exposure, from moments of that alone.
fn past(at: usize, totals: usize) -> Vec<FieldSql> {
    let of_x = [("n_pre", "n"), ("mean_pre_x", "mean_1"), ("m2_pre_x", "m2_1")];
    let of_y = [("mean_pre_y", "mean_2"), ("m2_pre_y", "m2_2"), ("co_pre_xy", "co_12")];
    let both = of_x.into_iter().chain(of_y.into_iter().filter(|_| totals > 1));
    both.map(|(name, field)| FieldSql { name, value: format!("m{at}['{field}']") }).collect()
}

/// Which quantile a metric is, and the state of its distribution, where it is none.
fn no_distribution() -> [FieldSql; 2] {
    [("quantile", "DOUBLE"), ("distribution", "BYTEA")]
        .map(|(name, ty)| FieldSql { name, value: format!("CAST(NULL AS {ty})") })
}

/// The columns of a metric of clusters: x is a cluster's total, y its units or its denominator.
pub(super) fn of_clusters(metric: &MetricSql) -> Vec<FieldSql> {
    let own = format!("m{}", metric.moments);
    let fields = fields(&own, None, None, (2, 0)).into_iter();
    fields
        .chain(winsorized(None, 2))
        .chain(no_distribution())
        .chain([third("", None), totals(None)])
        .collect()
}

/// The third central moment, from the moments of x and of x beside its square: Σ(x - m)³ = Σ(x - m)(x² - mean of x²) - 2 m
/// Σ(x - m)². Null where a square was left out.
fn third(own: &str, squared: Option<usize>) -> FieldSql {
    let value = squared.map_or_else(
        || "CAST(NULL AS DOUBLE)".to_owned(),
        |at| {
            format!(
                "CASE WHEN m{at}['n'] = {own}['n'] THEN m{at}['co_12'] - 2 * m{at}['mean_1'] * m{at}['m2_1'] END"
            )
        },
    );
    FieldSql { name: "m3_x", value }
}

/// How many units have which totals, as a state of moments of that number.
fn totals(counted: Option<usize>) -> FieldSql {
    let value = counted.map_or_else(|| "CAST(NULL AS BYTEA)".to_owned(), |at| format!("m{at}"));
    FieldSql { name: "totals", value }
}

/// The columns that only a winsorised metric has.
fn winsorized(of: Option<&WinsorizedSql>, totals: usize) -> Vec<FieldSql> {
    let limit = |total: usize, end: usize| -> Place {
        let columns = of?.limits.get(total)?.as_ref()?;
        columns.get(end).cloned()
    };
    let raw = |what: &str, total: usize| -> Place {
        (total <= totals).then_some(())?;
        Some(format!("m{}['{what}_{total}']", of?.at[0]))
    };
    let clipped = |total: usize| -> Place {
        (total <= totals).then_some(())?;
        Some(format!("CAST(m{}['sum_{total}'] AS BIGINT)", of?.at[1]))
    };
    let both = (totals > 1).then_some(()).and_then(|()| Some(format!("m{}['co_12']", of?.at[0])));
    let doubles: [(&'static str, Place); 11] = [
        ("cap_lower_x", limit(0, 0)),
        ("cap_upper_x", limit(0, 1)),
        ("cap_lower_y", limit(1, 0)),
        ("cap_upper_y", limit(1, 1)),
        ("raw_sum_x", raw("sum", 1)),
        ("raw_mean_x", raw("mean", 1)),
        ("raw_m2_x", raw("m2", 1)),
        ("raw_sum_y", raw("sum", 2)),
        ("raw_mean_y", raw("mean", 2)),
        ("raw_m2_y", raw("m2", 2)),
        ("raw_co_xy", both),
    ];
    let counts = [("clipped_x", clipped(1)), ("clipped_y", clipped(2))];
    let typed = |ty: &'static str| {
        move |(name, place): (&'static str, Place)| FieldSql {
            name,
            value: place.unwrap_or_else(|| format!("CAST(NULL AS {ty})")),
        }
    };
    doubles
        .into_iter()
        .map(typed("DOUBLE"))
        .chain(counts.into_iter().map(typed("BIGINT")))
        .collect()
}

/// The columns of the built-in metric, which is not compared with the day before.
pub(super) fn of_several_variants() -> Vec<FieldSql> {
    let fields = fields("m0", None, None, (1, 0)).into_iter();
    fields
        .chain(winsorized(None, 1))
        .chain(no_distribution())
        .chain([third("", None), totals(None)])
        .collect()
}

fn fields(
    own: &str,
    pair: Option<&str>,
    not_mature: Place,
    (totals, covariates): (usize, usize),
) -> Vec<FieldSql> {
    // The places of x, y, what they were before the exposure, and what they were the day before.
    let y = (totals > 1).then_some(2);
    let (pre_x, pre_y) =
        ((covariates > 0).then_some(totals + 1), (covariates > 1).then_some(totals + 2));
    let before = totals + covariates;
    let was_y = y.map(|y| before + y);
    let one = |what: &str, i: Option<usize>| -> Place { Some(format!("{own}['{what}_{}']", i?)) };
    let co = |of: &str, i: Option<usize>, j: Option<usize>| -> Place {
        let (i, j) = (i?.min(j?), i?.max(j?));
        Some(if i == j { format!("{of}['m2_{i}']") } else { format!("{of}['co_{i}{j}']") })
    };
    let of_both = |i: Option<usize>, j: Option<usize>| co(pair?, i, j);
    // Of two products that differ in the day alone, half of each.
    let halves = |a: Place, b: Place| Some(format!("({} + {}) / 2", a?, b?));
    let (x, was_x) = (Some(1), Some(before + 1));
    let all: [(&'static str, Place); 24] = [
        ("n", Some(format!("{own}['n']"))),
        ("sum_x", one("sum", x)),
        ("mean_x", one("mean", x)),
        ("m2_x", one("m2", x)),
        ("sum_y", one("sum", y)),
        ("mean_y", one("mean", y)),
        ("m2_y", one("m2", y)),
        ("co_xy", co(own, x, y)),
        ("co_x_before", of_both(x, was_x)),
        ("co_y_before", of_both(y, was_y)),
        ("co_xy_before", halves(of_both(x, was_y), of_both(y, was_x))),
        ("mean_pre_x", one("mean", pre_x)),
        ("m2_pre_x", one("m2", pre_x)),
        ("mean_pre_y", one("mean", pre_y)),
        ("m2_pre_y", one("m2", pre_y)),
        ("co_pre_xy", co(own, pre_x, pre_y)),
        ("co_x_pre_x", co(own, x, pre_x)),
        ("co_x_pre_y", co(own, x, pre_y)),
        ("co_y_pre_x", co(own, y, pre_x)),
        ("co_y_pre_y", co(own, y, pre_y)),
        ("m2_pre_x_before", of_both(pre_x, pre_x)),
        ("m2_pre_y_before", of_both(pre_y, pre_y)),
        ("co_pre_xy_before", of_both(pre_x, pre_y)),
        ("co_x_pre_x_before", halves(of_both(x, pre_x), of_both(was_x, pre_x))),
    ];
    let ratios: [(&'static str, Place); 3] = [
        ("co_x_pre_y_before", halves(of_both(x, pre_y), of_both(was_x, pre_y))),
        ("co_y_pre_x_before", halves(of_both(y, pre_x), of_both(was_y, pre_x))),
        ("co_y_pre_y_before", halves(of_both(y, pre_y), of_both(was_y, pre_y))),
    ];
    let null = |ty: &str| format!("CAST(NULL AS {ty})");
    let n_before = pair.map_or_else(|| null("BIGINT"), |pair| format!("{pair}['n']"));
    let doubles = all
        .into_iter()
        .chain(ratios)
        .map(|(name, place)| FieldSql { name, value: place.unwrap_or_else(|| null("DOUBLE")) });
    let n_not_mature = not_mature.unwrap_or_else(|| null("BIGINT"));
    let n_pre = pre_x.map_or_else(|| null("BIGINT"), |_| format!("{own}['n']"));
    let counts = [("n_before", n_before), ("n_not_mature", n_not_mature), ("n_pre", n_pre)];
    doubles.chain(counts.map(|(name, value)| FieldSql { name, value })).collect()
}
