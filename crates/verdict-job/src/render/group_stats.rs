//! The query from the totals of groups to `group_stats`.

use minijinja::context;
use verdict_model::Experiment;

use super::{
    MetricSql, MomentsSql, SEVERAL_VARIANTS, SegmentSql, distinct_moments, group_fields, ident,
    pairs, render,
};
use crate::Result;

/// The query for statistics of groups, and what it reads.
#[derive(Clone, Debug)]
pub(crate) struct GroupStatsSql {
    pub(crate) text: String,
    /// The columns of `group_totals`, but `experiment`.
    pub(crate) columns: Vec<String>,
}

/// How an experiment's groups are told apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupsSql {
    pub(crate) segments: Vec<SegmentSql>,
    /// The dimension that was randomised, where that is not the unit.
    pub(crate) cluster: Option<SegmentSql>,
    /// Whether days are compared with the days before.
    pub(crate) watched: bool,
}

impl GroupsSql {
    pub(crate) fn of(experiment: &Experiment) -> GroupsSql {
        let segment = |name: &str| SegmentSql::new(name, "");
        GroupsSql {
            segments: experiment.segments.iter().map(|name| segment(&name.value)).collect(),
            cluster: experiment.design.cluster.as_ref().map(|name| segment(&name.value)),
            watched: experiment.is_sequential(),
        }
    }
}

/// The statistics of some metrics, and with `several` those of units in several variants.
pub(crate) fn group_stats(
    metrics: &[MetricSql],
    several: bool,
    groups: &GroupsSql,
) -> Result<GroupStatsSql> {
    let GroupsSql { segments, cluster, watched } = groups;
    let distinct = distinct_moments(metrics);
    let pairs = if *watched { pairs(&distinct, metrics) } else { Vec::new() };
    let mut metrics = metrics.to_vec();
    for metric in &mut metrics {
        let place = |moments: &MomentsSql| distinct.iter().position(|m| m == moments);
        let own = place(&metric.own_moments()).unwrap_or(distinct.len());
        metric.moments = 1 + own;
        metric.squared_at = metric.squared.as_ref().and_then(place).map(|place| 1 + place);
        metric.counted_at = metric.counted.as_ref().and_then(place).map(|place| 1 + place);
        metric.past_at = metric.past.as_ref().and_then(place).map(|place| 1 + place);
        if let Some(winsorized) = &mut metric.winsorized {
            let of = [&winsorized.raw, &winsorized.clipped];
            winsorized.at = of.map(|moments| 1 + place(moments).unwrap_or(distinct.len()));
        }
        let pair = pairs.iter().position(|pair| pair.of == own).map(|pair| 1 + pair);
        let complete = metric.complete_moments().as_ref().and_then(place).map(|place| 1 + place);
        metric.fields = match cluster {
            Some(_) => group_fields::of_clusters(metric),
            None => group_fields::of_metric(metric, pair, complete),
        };
    }
    let pairs: Vec<MomentsSql> = pairs.into_iter().map(|pair| pair.moments).collect();
    let several_variants = ident(SEVERAL_VARIANTS);
    let built_in = group_fields::of_several_variants();
    let winsorized = || metrics.iter().filter_map(|metric| metric.winsorized.as_ref());
    let once = |mut columns: Vec<String>| {
        columns.sort();
        columns.dedup();
        columns
    };
    let caps =
        once(winsorized().flat_map(|w| w.limits.iter().flatten().flatten().cloned()).collect());
    let of_caps = once(winsorized().flat_map(|w| w.names.iter().cloned()).collect());
    let columns = ["ds", "variant", SEVERAL_VARIANTS].map(str::to_owned).into_iter();
    let columns = columns
        .chain(cluster.iter().map(|cluster| format!("cluster_{}", cluster.dimension)))
        .chain(segments.iter().map(|segment| format!("segment_{}", segment.dimension)))
        .chain(distinct.iter().chain(&pairs).map(|moments| moments.name.clone()))
        .chain(of_caps)
        .collect();
    let text = render(
        "group_stats",
        context! {
            metrics, several, distinct, pairs, segments, cluster, several_variants, built_in, caps
        },
    )?;
    Ok(GroupStatsSql { text, columns })
}
