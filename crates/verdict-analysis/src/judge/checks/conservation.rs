//! Nothing is lost on the way: rows from file to scan, units from exposure to metric, segments to the whole.

use verdict_model::rows::SEVERAL_VARIANTS;
use verdict_model::{RowCounts, SeveralVariants};

use super::{Finding, Subject, log};
use crate::words::{count, counted, list};

/// A log that no filter thins out delivers exactly the rows of its files; no log delivers more.
pub(super) fn rows(subject: &Subject<'_>) -> Finding {
    let Some(counts) = subject.counts else {
        return log::not_known();
    };
    let logs = [("exposure log", &counts.exposures), ("event logs", &counts.events)];
    let said: Vec<String> = logs.iter().map(|(name, rows)| delivery(name, rows)).collect();
    let said = said.join("; ");
    let lost = logs.iter().map(|(_, rows)| rows.discrepancy()).fold(0, u64::saturating_add);
    if lost == 0 {
        return Finding::pass(format!("{}.", upper_first(&said))).counting(0);
    }
    Finding::fail(format!(
        "{}. Rows were lost or read twice between the files and the scan, so no number here can be trusted: check \
         whether files were rewritten while they were read, and run again.",
        upper_first(&said)
    ))
    .counting(lost)
}

fn delivery(log: &str, rows: &RowCounts) -> String {
    let filter = if rows.filtered { " after a configured filter" } else { "" };
    format!("{log}: {} in files, {} read{filter}", counted(rows.in_files, "row"), count(rows.read))
}

/// For each arm: exposed units less excluded ones are the units of each proportion and ratio, with those whose window is
/// not complete, and at least those of each mean (a smallest or largest value leaves out units without any). A missing
/// row is one of no units.
pub(super) fn units(subject: &Subject<'_>) -> Finding {
    let (experiment, groups) = (subject.experiment, subject.groups);
    let mut faults: Vec<String> = groups
        .repeated
        .iter()
        .map(|(metric, variant, segment, value)| {
            format!("{metric}, {variant}, {segment} = {value}: more than one row of statistics")
        })
        .collect();
    let mut kept = Vec::new();
    let mut unknown = Vec::new();
    for arm in &experiment.design.arms {
        let Some(exposed) = groups.exposed(&arm.name) else {
            // An arm that the log never names has no unit yet, as on an experiment's first days.
            let rows = subject.counts.map(|counts| counts.variants.get(&arm.name).copied());
            if rows.is_some_and(|rows| rows.unwrap_or(0) == 0) {
                kept.push(format!("{}: no exposure, no unit", arm.name));
                continue;
            }
            unknown.push(arm.name.clone());
            continue;
        };
        let excluded = match experiment.design.several_variants {
            SeveralVariants::Exclude => whole_number(exposed.sum_x),
            SeveralVariants::First => Some(0),
        };
        let Some(excluded) = excluded.filter(|excluded| (0..=exposed.n).contains(excluded)) else {
            faults.push(format!(
                "{}: {} exposed and a sum of `{SEVERAL_VARIANTS}` of {:?} contradict each other",
                arm.name,
                counted(exposed.n, "unit"),
                exposed.sum_x
            ));
            continue;
        };
        let counted_units = exposed.n - excluded;
        kept.push(format!(
            "{}: {} exposed less {} excluded are {}",
            arm.name,
            count(exposed.n),
            count(excluded),
            count(counted_units)
        ));
        for metric in experiment.metrics() {
            let Some(metric_type) = stated_type(subject, &metric.name.value) else { continue };
            let group = groups.whole(&metric.name.value, &arm.name);
            let n =
                group.map_or(0, |group| group.n.saturating_add(group.n_not_mature.unwrap_or(0)));
            let (agrees, relation) = match metric_type {
                "mean" | "clustered_mean" | "quantile" | "superiority" | "categorical" => {
                    (n <= counted_units, "at most ")
                }
                _ => (n == counted_units, ""),
            };
            if !agrees {
                faults.push(format!(
                    "{}, {}: {}, not {relation}{} ({} exposed less {} excluded)",
                    metric.name.value,
                    arm.name,
                    counted(n, "unit"),
                    count(counted_units),
                    count(exposed.n),
                    count(excluded)
                ));
            }
        }
    }
    if !faults.is_empty() {
        return broken(&faults, "Exposed units and units counted do not agree");
    }
    if !unknown.is_empty() {
        return Finding::warn(format!(
            "Not known for {}: the statistics have no row of `{SEVERAL_VARIANTS}` for it, which counts exposed units.",
            list(&unknown)
        ));
    }
    Finding::pass(format!(
        "Exposed units and units counted agree. {}.",
        upper_first(&kept.join("; "))
    ))
    .counting(0)
}

/// The type of a metric by its statistics; `None` for a metric that has none in any arm, whose results say so.
fn stated_type<'a>(subject: &Subject<'a>, metric: &str) -> Option<&'a str> {
    let mut arms = subject.experiment.design.arms.iter();
    arms.find_map(|arm| subject.groups.whole(metric, &arm.name)).map(|group| &*group.metric_type)
}

/// For each metric, arm and segment dimension: the units of its values add up to the whole.
pub(super) fn segments(subject: &Subject<'_>) -> Finding {
    let (experiment, groups) = (subject.experiment, subject.groups);
    if experiment.segments.is_empty() {
        return Finding::pass("No segments are configured.").counting(0);
    }
    if experiment.design.cluster.is_some() {
        let found = "Clusters are counted, and one may have units in several segments.";
        return Finding::pass(found).counting(0);
    }
    let mut faults = Vec::new();
    for metric in experiment.metrics() {
        for arm in &experiment.design.arms {
            for segment in &experiment.segments {
                let whole = groups.whole(&metric.name.value, &arm.name).map_or(0, |group| group.n);
                let parts: i128 = groups
                    .values_of(&metric.name.value, &arm.name, &segment.value)
                    .map(|group| i128::from(group.n))
                    .sum();
                if parts != i128::from(whole) {
                    faults.push(format!(
                        "{}, {}: the values of {} have {}, the whole {}",
                        metric.name.value,
                        arm.name,
                        segment.value,
                        counted(parts, "unit"),
                        count(whole)
                    ));
                }
            }
        }
    }
    let names: Vec<String> =
        experiment.segments.iter().map(|segment| segment.value.clone()).collect();
    if faults.is_empty() {
        return Finding::pass(format!(
            "The units of every value of {} add up to the whole.",
            list(&names)
        ))
        .counting(0);
    }
    broken(&faults, "Segments do not add up to the whole")
}

/// How many faults a message spells out.
const SPELLED_OUT: usize = 5;

fn broken(faults: &[String], what: &str) -> Finding {
    let more = faults.len().saturating_sub(SPELLED_OUT);
    let more = if more > 0 { format!("; and {} more", count(more as u64)) } else { String::new() };
    let said = faults.iter().take(SPELLED_OUT).cloned().collect::<Vec<_>>().join("; ");
    Finding::fail(format!(
        "{what}: {said}{more}. The statistics contradict themselves, so no number here can be trusted: make them \
         again from the logs."
    ))
    .counting(faults.len() as u64)
}

/// A sum of ones as a count, where it is one.
pub(super) fn whole_number(sum: Option<f64>) -> Option<i64> {
    sum.filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| x as i64)
}

fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
