//! `verdict power --from-logs`: level, spread and traffic are those of stored days.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use serde_json::json;
use verdict_analysis::planning::{Chars, Plan, Question, Request, flags, plan};
use verdict_analysis::words;
use verdict_job::{Traffic, TrafficDay, TrafficRange};
use verdict_model::NaiveDate;

use super::columns::columns;
use super::job;
use super::words::Words;
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};

/// What the help of `verdict power` says of it.
pub(crate) const HELP: &str = "\nFrom the project's own days (`unit_day`), instead of --baseline, --mean, --sd and --ratio:\n  \
--from-logs          level, spread and traffic of a metric over stored days\n  \
--metric NAME        the metric\n  \
--project FOLDER     the project, . by default\n  \
--tables PATH|URL    where its tables are, instead of its own setting\n  \
--unit NAME          the unit type, where the metric's sources know several\n  \
--from, --to DATE    the days: the last 28 that are stored by default\n  \
--lookback N         CUPED: days before the first one that each unit's covariate is taken from\n\n\
Every unit counts from the first day that it is seen in the range, as if an experiment had begun on the first day.\n\
  verdict power --from-logs --metric revenue --lift 3% --lookback 14\n";

/// What is asked of the logs.
#[derive(Debug)]
pub(crate) struct FromLogs {
    metric: String,
    project: args::Project,
    range: TrafficRange,
}

impl FromLogs {
    /// Takes the flags of `--from-logs` out, where it is there.
    pub(crate) fn taken(words: &mut Words) -> Result<Option<FromLogs>, Failure> {
        if !words.flag("from-logs") {
            return Ok(None);
        }
        let metric = words.value("metric")?;
        let metric = metric
            .ok_or_else(|| usage("--from-logs needs --metric: which metric is planned for?"))?;
        let date = |text: Option<String>| -> Result<Option<NaiveDate>, Failure> {
            let parsed = text.map(|text| {
                text.parse().map_err(|_| usage(&format!("`{text}` is no date: write YYYY-MM-DD")))
            });
            parsed.transpose()
        };
        let lookback = words.value("lookback")?.map(|text| {
            let days = text.parse().ok().filter(|days| (1..=366).contains(days));
            days.ok_or_else(|| usage("--lookback: a whole number of days from 1 to 366 expected"))
        });
        let project = args::Project {
            project: PathBuf::from(words.value("project")?.unwrap_or_else(|| ".".to_owned())),
            tables: words.value("tables")?,
            set: Vec::new(),
            limits: args::Limits::default(),
            format: Format::Text,
        };
        let range = TrafficRange {
            unit_type: words.value("unit")?,
            from: date(words.value("from")?)?,
            to: date(words.value("to")?)?,
            lookback: lookback.transpose()?.unwrap_or(0),
        };
        Ok(Some(FromLogs { metric, project, range }))
    }
}

fn usage(message: &str) -> Failure {
    Failure::usage(verdict_job::Error::Usage(message.to_owned()))
}

/// A duration: what the experiment would see of it.
struct Duration {
    days: usize,
    seen: TrafficDay,
    /// The smallest effect that it detects; `None` where the metric does not vary.
    mde: Option<Plan>,
}

pub(crate) async fn power(
    asked: FromLogs,
    rest: &[String],
    format: Format,
) -> Result<Exit, Failure> {
    let job = job(&asked.project)?;
    let traffic = job.traffic(&asked.metric, &asked.range).await?;
    let durations: Vec<Duration> = traffic
        .days
        .iter()
        .enumerate()
        .map(|(at, seen)| {
            let days = at + 1;
            let mut request = request(&traffic, seen, days, rest)?;
            request.question = Question::Mde { units: seen.units };
            Ok(Duration { days, seen: *seen, mde: plan(&request).ok() })
        })
        .collect::<Result<_, Failure>>()?;
    let Some(last) = durations.last().filter(|last| last.seen.units > 0) else {
        return Err(usage("no unit is seen in the range; choose other days"));
    };
    let wanted = request(&traffic, &last.seen, last.days, rest)?;
    let effect = wanted.effect.is_some();
    let answer = effect.then(|| plan(&wanted)).transpose().map_err(Failure::usage)?;
    let in_range = answer.as_ref().and_then(|answer| first_that_detects(&durations, answer));
    let mut out = io::stdout().lock();
    match format {
        Format::Text => {
            let first = traffic.days.first().map_or(last.seen.day, |seen| seen.day);
            writeln!(
                out,
                "{} by {}, {first} to {}: {} units in {} days\n",
                asked.metric,
                traffic.unit_type,
                last.seen.day,
                words::count(last.seen.units),
                last.days
            )?;
            writeln!(out, "{}", table(&traffic, &durations))?;
            if let Some(answer) = &answer {
                match in_range {
                    Some(days) => writeln!(
                        out,
                        "\nThe effect is detectable after {days} days of this range."
                    )?,
                    None => writeln!(
                        out,
                        "\nThe effect is not detectable within this range; by the level, the spread and the units a day of all of it:"
                    )?,
                }
                let chars = if out.is_terminal() { Chars::Unicode } else { Chars::Ascii };
                writeln!(out, "\n{}", answer.text(chars).trim_end())?;
            }
        }
        Format::Json => {
            let rows: Vec<_> = durations.iter().map(|d| as_json(&traffic, d)).collect();
            let object = json!({
                "metric": asked.metric, "metric_type": traffic.metric_type,
                "unit_type": traffic.unit_type, "durations": rows,
                "detectable_after_days": in_range, "plan": answer.map(|answer| answer.json()),
            });
            writeln!(out, "{object:#}")?;
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// The first duration of the range whose smallest detectable effect is at most the planned one.
fn first_that_detects(durations: &[Duration], plan: &Plan) -> Option<usize> {
    let wanted = plan.answers.first()?.effect.abs();
    let detects = |duration: &&Duration| {
        let found = duration.mde.as_ref().and_then(|plan| plan.answers.first());
        found.is_some_and(|answer| answer.effect.abs() <= wanted)
    };
    durations.iter().find(detects).map(|duration| duration.days)
}

/// The request that the other flags make of the figures of a duration.
fn request(
    traffic: &Traffic,
    seen: &TrafficDay,
    days: usize,
    rest: &[String],
) -> Result<Request, Failure> {
    let figures = match traffic.metric_type.as_str() {
        "proportion" => vec![format!("--baseline={}", seen.mean_x)],
        "ratio" => vec![format!(
            "--ratio=num={},den={},var_num={},var_den={},cov={}",
            seen.mean_x, seen.mean_y, seen.var_x, seen.var_y, seen.cov
        )],
        _ => vec![format!("--mean={}", seen.mean_x), format!("--sd={}", seen.var_x.sqrt())],
    };
    let has = |flag: &str| rest.iter().any(|word| word.split('=').next() == Some(flag));
    let per_day = seen.units as f64 / days as f64;
    let traffic_of = (!has("--units-per-day")).then(|| format!("--units-per-day={per_day}"));
    let correlation = seen.correlation.filter(|_| !has("--correlation"));
    let correlation = correlation.map(|r| format!("--correlation={r}"));
    // Without an effect the units are what is known.
    let aim = ["--lift", "--difference", "--units", "--days", "--margin", "--relative-margin"];
    let units = (!aim.iter().any(|flag| has(flag))).then(|| format!("--units={}", seen.units));
    let words: Vec<String> = figures
        .into_iter()
        .chain(traffic_of)
        .chain(correlation)
        .chain(units)
        .chain(rest.iter().cloned())
        .collect();
    flags::requested(&words).map_err(Failure::usage)
}

fn table(traffic: &Traffic, durations: &[Duration]) -> String {
    let cuped = durations.iter().any(|duration| duration.seen.correlation.is_some());
    let mut header = vec!["days", "units", "level", "spread", "detectable effect", "of the level"];
    if cuped {
        header.push("CUPED's r");
    }
    let headings: Vec<String> = header.into_iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for duration in durations {
        let seen = &duration.seen;
        let (level, sd) = level(traffic, seen);
        let answer = duration.mde.as_ref().and_then(|plan| plan.answers.first());
        let mut row = vec![
            duration.days.to_string(),
            words::count(seen.units),
            format!("{level:.4}"),
            format!("{sd:.4}"),
            answer.map_or_else(|| "none".to_owned(), |answer| format!("{:.4}", answer.effect)),
            answer
                .and_then(|answer| answer.effect_rel)
                .map_or(String::new(), |share| format!("{:.2}%", 100.0 * share)),
        ];
        if cuped {
            row.push(seen.correlation.map_or(String::new(), |r| format!("{r:.2}")));
        }
        rows.push(row);
    }
    columns(&headings, &rows)
}

/// The level of a metric, and the standard deviation between units that it is tested with.
fn level(traffic: &Traffic, seen: &TrafficDay) -> (f64, f64) {
    match traffic.metric_type.as_str() {
        "proportion" => (seen.mean_x, (seen.mean_x * (1.0 - seen.mean_x)).max(0.0).sqrt()),
        "ratio" if seen.mean_y != 0.0 => {
            let ratio = seen.mean_x / seen.mean_y;
            let variance = seen.var_x - 2.0 * ratio * seen.cov + ratio * ratio * seen.var_y;
            (ratio, variance.max(0.0).sqrt() / seen.mean_y.abs())
        }
        _ => (seen.mean_x, seen.var_x.sqrt()),
    }
}

fn as_json(traffic: &Traffic, duration: &Duration) -> serde_json::Value {
    let seen = &duration.seen;
    let (level, sd) = level(traffic, seen);
    let answer = duration.mde.as_ref().and_then(|plan| plan.answers.first());
    json!({
        "days": duration.days, "day": seen.day.to_string(), "units": seen.units, "n": seen.n,
        "level": level, "sd": sd, "correlation": seen.correlation,
        "mde_absolute": answer.map(|answer| answer.effect),
        "mde_relative": answer.and_then(|answer| answer.effect_rel),
    })
}

#[cfg(test)]
mod tests {
    use verdict_analysis::planning::Metric;

    use super::*;

    fn seen(mean_x: f64, var_x: f64) -> TrafficDay {
        TrafficDay {
            day: NaiveDate::default(),
            units: 2000,
            n: 2000,
            mean_x,
            var_x,
            mean_y: 0.0,
            var_y: 0.0,
            cov: 0.0,
            correlation: Some(0.6),
        }
    }

    #[test]
    fn flags_say_what_the_figures_do_not() {
        let traffic = Traffic {
            unit_type: "user".to_owned(),
            metric_type: "mean".to_owned(),
            days: Vec::new(),
        };
        let rest = ["--lift".to_owned(), "3%".to_owned()];
        let request = request(&traffic, &seen(450.0, 280.0 * 280.0), 10, &rest).unwrap();
        assert_eq!(request.metric, Metric::Mean { mean: Some(450.0), sd: 280.0 });
        assert_eq!((request.correlation, request.units_per_day), (0.6, Some(200.0)));
        assert_eq!(request.question, Question::Duration);
    }
}
