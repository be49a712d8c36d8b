//! `verdict aa`: stored units, divided at random again and again, as experiments in which nothing was done.

use std::io::{self, Write};

use serde_json::{Value, json};
use verdict_analysis::judge::{Calibration, Halves, Share, calibrate};
use verdict_analysis::words;
use verdict_job::Splits;
use verdict_model::Experiment;

use super::columns::columns;
use super::{date, job};
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};

pub(crate) async fn aa(args: args::Aa) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let date = date(&args.scope, &job);
    let mut told = Vec::new();
    for experiment in job.experiments(&args.scope.experiment)? {
        let up_to = experiment.end.map_or(date, |end| end.min(date));
        let splits = job.splits(experiment, up_to, args.splits, args.seed).await?;
        let halves: Vec<Halves<'_>> = splits
            .splits
            .iter()
            .map(|split| Halves { units: split.units, stats: &split.stats })
            .collect();
        let settings = &experiment.settings;
        let levels = (args.alpha.unwrap_or(settings.alpha), settings.sample_ratio_alpha);
        told.push((experiment, calibrate(&splits.metrics, &halves, levels), splits));
    }
    let mut out = io::stdout().lock();
    match args.project.format {
        Format::Text => {
            for (nth, (experiment, calibration, splits)) in told.iter().enumerate() {
                if nth > 0 {
                    writeln!(out)?;
                }
                text(&mut out, experiment, calibration, splits)?;
            }
        }
        Format::Json => {
            let told: Vec<Value> = told.iter().map(|(e, c, s)| as_json(e, c, s, &args)).collect();
            writeln!(out, "{:#}", json!({ "experiments": told }))?;
        }
    }
    out.flush()?;
    let suspect = told.iter().flat_map(|(_, calibration, _)| &calibration.metrics);
    let suspect = suspect.filter(|metric| !metric.trusted).count();
    Ok(if suspect > 0 { Exit::Attention } else { Exit::Done })
}

fn text(
    out: &mut impl Write,
    experiment: &Experiment,
    calibration: &Calibration,
    splits: &Splits,
) -> io::Result<()> {
    let title = format!("{}, as of {}", experiment.name.value, splits.as_of);
    writeln!(out, "{title}\n{}", "─".repeat(title.chars().count()))?;
    writeln!(
        out,
        "{} units, divided into halves at random {} times; shares in percent, with 95% bounds",
        words::count(splits.units),
        words::count(splits.splits.len() as u64),
    )?;
    writeln!(
        out,
        "uneven halves at {}: {}\n",
        calibration.sample_ratio_alpha,
        percent(&calibration.sample_ratio)
    )?;
    let alpha = calibration.alpha;
    let headings = [
        "metric".to_owned(),
        format!("false positives at {alpha}"),
        format!("intervals that cover ({})", 1.0 - alpha),
        "uniform p (KS)".to_owned(),
        "standard error".to_owned(),
        String::new(),
    ];
    let mut rows = Vec::new();
    for metric in &calibration.metrics {
        let uniform = metric.uniformity.map_or(String::new(), |of| format!("p {:.3}", of.p_value));
        let error = match (metric.std_error_rel, metric.std_error) {
            (Some(relative), _) => format!("{:.2}% of the level", 100.0 * relative),
            (None, Some(error)) => format!("{error:.3e}"),
            (None, None) => String::new(),
        };
        rows.push(vec![
            metric.metric.clone(),
            percent(&metric.false_positives),
            percent(&metric.covered),
            uniform,
            error,
            if metric.trusted { "ok".to_owned() } else { metric.reason.to_owned() },
        ]);
    }
    writeln!(out, "{}", columns(&headings, &rows))?;
    for metric in calibration.metrics.iter().filter(|metric| !metric.trusted) {
        writeln!(out, "{}: {}", metric.metric, metric.words())?;
    }
    for (metric, why) in &splits.left_out {
        writeln!(out, "{metric} is left out: {why}")?;
    }
    Ok(())
}

fn percent(share: &Share) -> String {
    let Some(rate) = share.rate() else { return "no test".to_owned() };
    format!("{:.1} ({:.1} to {:.1})", 100.0 * rate, 100.0 * share.lower, 100.0 * share.upper)
}

fn as_json(
    experiment: &Experiment,
    calibration: &Calibration,
    splits: &Splits,
    args: &args::Aa,
) -> Value {
    let share = |share: &Share| {
        json!({
            "count": share.count, "of": share.of, "rate": share.rate(), "lower": share.lower,
            "upper": share.upper,
        })
    };
    let metrics = calibration.metrics.iter().map(|metric| {
        json!({
            "metric": metric.metric, "metric_type": metric.metric_type, "method": metric.method,
            "false_positives": share(&metric.false_positives), "covered": share(&metric.covered),
            "ks_statistic": metric.uniformity.map(|of| of.d),
            "ks_p_value": metric.uniformity.map(|of| of.p_value),
            "std_error": metric.std_error, "std_error_rel": metric.std_error_rel,
            "trusted": metric.trusted, "reason": metric.reason,
        })
    });
    let left_out = splits.left_out.iter();
    json!({
        "experiment": experiment.name.value,
        "as_of": splits.as_of.to_string(),
        "units": splits.units,
        "splits": splits.splits.len(),
        "seed": args.seed,
        "alpha": calibration.alpha,
        "sample_ratio_alpha": calibration.sample_ratio_alpha,
        "sample_ratio": share(&calibration.sample_ratio),
        "metrics": metrics.collect::<Vec<_>>(),
        "left_out": left_out.map(|(m, why)| json!({"metric": m, "why": why})).collect::<Vec<_>>(),
    })
}
