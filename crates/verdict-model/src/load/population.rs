//! A population file: what the units of a simulation do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{LoadError, one_line};
use crate::yaml::{self, Item, Map, Problems};
use crate::{Arrivals, Behaviour, Distribution, Draw, Place, Population, Split, Values};

/// Reads a population from a file.
///
/// # Errors
/// [`LoadError`]: the file cannot be read, or says something that cannot stay; every such place is named.
pub fn load_population(path: &Path) -> Result<Population, LoadError> {
    population_of(&[population_file(path)?])
}

/// A file's name and text, for [`population_of`].
///
/// # Errors
/// [`LoadError::File`].
pub fn population_file(path: &Path) -> Result<(Arc<str>, String), LoadError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| LoadError::File { path: path.to_owned(), source })?;
    Ok((path.display().to_string().into(), text))
}

/// The population that several texts (each with its name, for messages) make: what a later one says, key by key
/// and metric by metric, replaces what an earlier one said.
///
/// # Errors
/// As [`load_population`].
pub fn population_of(files: &[(Arc<str>, String)]) -> Result<Population, LoadError> {
    let problems = Problems::default();
    let mut stated = Stated::default();
    for (file, text) in files {
        let nodes = yaml::parse(text).map_err(|e| LoadError::Yaml {
            file: Arc::clone(file),
            line: e.line,
            column: e.column,
            message: one_line(&e.message),
        })?;
        for node in &nodes {
            let mut document = Item::document(Arc::clone(file), node, &problems);
            if !document.is_mapping() {
                document.place.key = "the file".to_owned();
            }
            if let Some(map) = document.map() {
                stated.read(map);
            }
        }
    }
    if stated.units_per_day.is_none() {
        let file = files.last().map_or_else(|| "".into(), |(file, _)| Arc::clone(file));
        let place = Place { file, line: 1, key: "units_per_day".to_owned() };
        problems.add(
            &place,
            "`units_per_day` is missing: write how many units enter a day, over all variants",
        );
    }
    let problems = problems.into_sorted();
    match stated.units_per_day {
        Some(units_per_day) if problems.is_empty() => Ok(Population {
            units_per_day,
            arrivals: stated.arrivals.unwrap_or_default(),
            entry_days: stated.entry_days,
            split: stated.split.unwrap_or_default(),
            metrics: stated.metrics,
        }),
        _ => Err(LoadError::Invalid(problems)),
    }
}

/// What the texts have said so far.
#[derive(Default)]
struct Stated {
    units_per_day: Option<f64>,
    arrivals: Option<Arrivals>,
    entry_days: Option<u32>,
    split: Option<Split>,
    metrics: BTreeMap<String, Behaviour>,
}

impl Stated {
    fn read(&mut self, mut map: Map<'_>) {
        let units = map.get("units_per_day");
        let units = units.and_then(|item| {
            item.number("a number of units above 0, at most 1e9", |x| x > 0.0 && x <= 1e9)
        });
        let arrivals = map.get("arrivals").and_then(|item| {
            item.word(&[("fixed", Arrivals::Fixed), ("poisson", Arrivals::Poisson)])
        });
        let entry_days = map.get("entry_days").and_then(|item| item.days());
        let split = map
            .get("split")
            .and_then(|item| item.word(&[("random", Split::Random), ("planned", Split::Planned)]));
        self.units_per_day = units.or(self.units_per_day);
        self.arrivals = arrivals.or(self.arrivals);
        self.entry_days = entry_days.or(self.entry_days);
        self.split = split.or(self.split);
        let metrics = map.get("metrics").and_then(|item| item.map());
        for (name, item) in metrics.iter().flat_map(Map::entries) {
            if let Some(behaviour) = behaviour(&item) {
                self.metrics.insert(name.value, behaviour);
            }
        }
        map.finish();
    }
}

fn behaviour(item: &Item<'_>) -> Option<Behaviour> {
    let mut map = item.map()?;
    let cumulative = map.get("cumulative").and_then(|item| item.boolean()).unwrap_or_default();
    let (numerator, denominator) = (map.get("numerator"), map.get("denominator"));
    let values = match (numerator, denominator) {
        (None, None) => draw(&mut map, cumulative).map(Values::One),
        (Some(numerator), Some(denominator)) => {
            let part = |item: &Item<'_>| {
                let mut map = item.map()?;
                let draw = draw(&mut map, cumulative);
                map.finish();
                draw
            };
            let (numerator, denominator) = (part(&numerator), part(&denominator));
            numerator
                .zip(denominator)
                .map(|(numerator, denominator)| Values::Ratio { numerator, denominator })
        }
        (Some(part), None) => {
            part.refuse("is one part of a ratio; write the `denominator` beside it");
            None
        }
        (None, Some(part)) => {
            part.refuse("is one part of a ratio; write the `numerator` beside it");
            None
        }
    };
    map.finish();
    Some(Behaviour { values: values?, cumulative })
}

#[derive(Clone, Copy)]
enum Kind {
    Gaussian,
    Bernoulli,
    ZeroInflatedLogNormal,
    Poisson,
    NegativeBinomial,
}

const KINDS: [(&str, Kind); 5] = [
    ("gaussian", Kind::Gaussian),
    ("bernoulli", Kind::Bernoulli),
    ("zero_inflated_log_normal", Kind::ZeroInflatedLogNormal),
    ("poisson", Kind::Poisson),
    ("negative_binomial", Kind::NegativeBinomial),
];

fn draw(map: &mut Map<'_>, cumulative: bool) -> Option<Draw> {
    let what =
        "write one of gaussian, bernoulli, zero_inflated_log_normal, poisson, negative_binomial";
    let kind = map.require("distribution", what).and_then(|item| item.word(&KINDS));
    let shared = map.get("shared").and_then(|item| item.number("a share from 0 to 1", is_share));
    let persistence = map.get("persistence");
    if let Some(item) = persistence.as_ref().filter(|_| !cumulative) {
        item.refuse(
            "is for units that keep acting; write `cumulative: true` on the metric, or remove the key",
        );
    }
    let persistence = persistence.and_then(|item| item.number("a share from 0 to 1", is_share));
    let distribution = distribution(map, kind?)?;
    Some(Draw {
        distribution,
        persistence: if cumulative { persistence.unwrap_or(0.0) } else { 1.0 },
        shared: shared.unwrap_or(0.0),
    })
}

fn is_share(x: f64) -> bool {
    (0.0..=1.0).contains(&x)
}

fn distribution(map: &mut Map<'_>, kind: Kind) -> Option<Distribution> {
    let mut number = |key: &str, expected: &str, fits: fn(f64) -> bool| {
        map.require(key, &format!("write {expected}")).and_then(|item| item.number(expected, fits))
    };
    let positive: fn(f64) -> bool = |x| x > 0.0;
    // Beyond it a table of the counts would not fit.
    let of_counts: fn(f64) -> bool = |x| x > 0.0 && x <= 1e5;
    let counts = "a mean above 0, at most 100000";
    Some(match kind {
        Kind::Gaussian => {
            let (mean, sd) =
                (number("mean", "a number", |_| true), number("sd", "a number above 0", positive));
            Distribution::Gaussian { mean: mean?, sd: sd? }
        }
        Kind::Bernoulli => {
            let p = number("p", "a number between 0 and 1", |x| x > 0.0 && x < 1.0);
            Distribution::Bernoulli { p: p? }
        }
        Kind::ZeroInflatedLogNormal => {
            let zero = number("zero", "the share of zeros, from 0 to below 1", |x| {
                (0.0..1.0).contains(&x)
            });
            let mean_log = number("mean_log", "the mean of the logarithm, from -50 to 50", |x| {
                x.abs() <= 50.0
            });
            let sd_log = number(
                "sd_log",
                "the standard deviation of the logarithm, above 0, at most 5",
                |x| x > 0.0 && x <= 5.0,
            );
            Distribution::ZeroInflatedLogNormal {
                zero: zero?,
                mean_log: mean_log?,
                sd_log: sd_log?,
            }
        }
        Kind::Poisson => Distribution::Poisson { mean: number("mean", counts, of_counts)? },
        Kind::NegativeBinomial => {
            let mean = number("mean", counts, of_counts);
            let what = "a number above 0 (the variance is mean + dispersion mean²)";
            let dispersion = number("dispersion", what, positive);
            let (mean, dispersion) = (mean?, dispersion?);
            // The tail of the counts is that long.
            if mean * dispersion > 1e4 {
                map.refuse("`mean` times `dispersion` is more than 10000; write a smaller one");
                return None;
            }
            Distribution::NegativeBinomial { mean, dispersion }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Population, String> {
        population_of(&[("p.yaml".into(), text.to_owned())]).map_err(|e| e.to_string())
    }

    #[test]
    fn every_kind_of_metric() {
        let text = "units_per_day: 2000\narrivals: poisson\nentry_days: 14\nsplit: planned\nmetrics:\n  \
            a: {distribution: gaussian, mean: 1, sd: 2, shared: 0.25}\n  \
            b: {distribution: bernoulli, p: 0.1, cumulative: true, persistence: 0.5}\n  \
            c:\n    cumulative: true\n    numerator: {distribution: poisson, mean: 2, persistence: 1}\n    \
            denominator: {distribution: negative_binomial, mean: 3, dispersion: 0.5}\n  \
            d: {distribution: zero_inflated_log_normal, zero: 0.95, mean_log: 3, sd_log: 1}\n";
        let population = read(text).expect("a population");
        assert_eq!(population.units_per_day, 2000.0);
        assert_eq!(population.entry_days, Some(14));
        assert_eq!((population.arrivals, population.split), (Arrivals::Poisson, Split::Planned));
        let draw = Draw {
            distribution: Distribution::Gaussian { mean: 1.0, sd: 2.0 },
            persistence: 1.0,
            shared: 0.25,
        };
        let a = Behaviour { values: Values::One(draw), cumulative: false };
        assert_eq!(population.metrics["a"], a);
        let Values::Ratio { numerator, denominator } = population.metrics["c"].values else {
            panic!("c is a ratio")
        };
        assert_eq!((numerator.persistence, denominator.persistence), (1.0, 0.0));
        assert_eq!(
            denominator.distribution,
            Distribution::NegativeBinomial { mean: 3.0, dispersion: 0.5 }
        );
    }

    #[test]
    fn what_cannot_stay_is_named_with_its_place_and_what_would_mend_it() {
        for (text, expect) in [
            ("metrics: {}", "p.yaml:1: units_per_day: `units_per_day` is missing: write how many"),
            ("unit_per_day: 3", "did you mean `units_per_day`?"),
            ("units_per_day: 0", "expected a number of units above 0"),
            ("units_per_day: 1\nmetrics: {a: {p: 0.1}}", "`distribution` is missing: write one of"),
            (
                "units_per_day: 1\nmetrics:\n  a: {distribution: bernouli, p: 0.1}",
                "p.yaml:3: metrics.a.distribution: `bernouli` is not allowed here; did you mean `bernoulli`?",
            ),
            (
                "units_per_day: 1\nmetrics:\n  a: {distribution: gaussian, mean: 1}",
                "p.yaml:3: metrics.a: `sd` is missing: write a number above 0",
            ),
            (
                "units_per_day: 1\nmetrics: {a: {distribution: bernoulli, p: 1.5}}",
                "metrics.a.p: expected a number between 0 and 1, found `1.5`",
            ),
            (
                "units_per_day: 1\nmetrics: {a: {distribution: bernoulli, p: 0.5, persistence: 0.5}}",
                "metrics.a.persistence: is for units that keep acting; write `cumulative: true`",
            ),
            (
                "units_per_day: 1\nmetrics: {a: {numerator: {distribution: poisson, mean: 1}}}",
                "metrics.a.numerator: is one part of a ratio; write the `denominator`",
            ),
            (
                "units_per_day: 1\nmetrics: {a: {distribution: poisson, mean: 1, sd: 2}}",
                "metrics.a.sd: unknown key (allowed:",
            ),
            ("[1, 2]", "expected a mapping, found a list"),
            ("a: [", "p.yaml:"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(expect), "{text}: {error}");
        }
    }

    #[test]
    fn later_texts_replace_what_earlier_ones_said() {
        let file = |name: &str, text: &str| (name.into(), text.to_owned());
        let population = population_of(&[
            file("p.yaml", "units_per_day: 10\nmetrics: {a: {distribution: bernoulli, p: 0.5}}"),
            file("--units-per-day", "units_per_day: 20"),
            file("--metric", "metrics: {b: {distribution: poisson, mean: 1}}"),
        ])
        .expect("a population");
        assert_eq!(population.units_per_day, 20.0);
        assert_eq!(population.metrics.keys().collect::<Vec<_>>(), ["a", "b"]);
    }
}
