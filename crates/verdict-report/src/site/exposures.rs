//! New units by day and variant, and how their shares compare with the plan.

use std::collections::BTreeMap;

use maud::{Markup, html};
use verdict_analysis::methods::special::norm_isf;
use verdict_analysis::words;
use verdict_model::{Design, Experiment, NaiveDate};

use super::checks::status_badge;
use super::layout::absent;
use super::table;
use crate::plot::lines::{band, day, day_labels, level, path, x_axis, y_axis};
use crate::plot::scale::{Scale, extent};
use crate::plot::ticks::ticks;
use crate::plot::{Frame, both, px};
use crate::{DayUnits, Page};

/// More lines than this are told apart by nobody.
const MOST_LINES: usize = 6;

pub(crate) fn exposures(page: &Page) -> Markup {
    let experiment = &page.judged.experiment;
    let check = page.judged.checks.iter().find(|check| check.check == "sample_ratio");
    let days = Days::of(experiment, &page.exposures);
    html! {
        @if let Some(check) = check {
            p { (status_badge(&check.status)) " " strong { "Sample ratio: " } (check.message) }
        }
        @if days.days.is_empty() {
            (absent("The totals of units are not there for this date, so that units by day cannot be told."))
        } @else {
            (totals(&days))
            @if days.days.len() > 1 { (figures(experiment, &days)) }
        }
    }
}

/// Units by day, each with a count for each arm in the order of the file.
struct Days<'a> {
    arms: Vec<(&'a str, f64)>,
    days: Vec<(NaiveDate, Vec<i64>)>,
}

impl<'a> Days<'a> {
    fn of(experiment: &'a Experiment, units: &[DayUnits]) -> Days<'a> {
        let arms: Vec<(&str, f64)> =
            experiment.design.arms.iter().map(|arm| (arm.name.as_str(), arm.weight)).collect();
        let mut days: BTreeMap<NaiveDate, Vec<i64>> = BTreeMap::new();
        for one in units {
            let Some(arm) = arms.iter().position(|(name, _)| *name == one.variant) else {
                continue;
            };
            days.entry(one.ds).or_insert_with(|| vec![0; arms.len()])[arm] += one.units;
        }
        // A day without any unit is a day with none.
        let range = days.keys().next().copied().zip(days.keys().last().copied());
        let days = range.map_or(Vec::new(), |(first, last)| {
            let of =
                |ds: NaiveDate| (ds, days.get(&ds).cloned().unwrap_or_else(|| vec![0; arms.len()]));
            first.iter_days().take_while(|ds| *ds <= last).map(of).collect()
        });
        let mut days = Days { arms, days };
        days.plan(&experiment.design);
        days
    }

    /// Where the planned shares change from phase to phase, the planned share of all is that of the units of each.
    fn plan(&mut self, design: &Design) {
        let all = self.all() as f64;
        if design.phases.is_empty() || all <= 0.0 {
            return;
        }
        let mut shares = vec![0.0; self.arms.len()];
        for (ds, units) in &self.days {
            let of_day = units.iter().sum::<i64>() as f64 / all;
            for (share, weight) in shares.iter_mut().zip(design.weights_on(*ds)) {
                *share += of_day * weight;
            }
        }
        self.arms.iter_mut().zip(shares).for_each(|((_, weight), share)| *weight = share);
    }

    fn total(&self, arm: usize) -> i64 {
        self.days.iter().map(|(_, units)| units[arm]).sum()
    }

    fn all(&self) -> i64 {
        (0..self.arms.len()).map(|arm| self.total(arm)).sum()
    }
}

fn totals(days: &Days<'_>) -> Markup {
    let all = days.all();
    let rows: Vec<Vec<String>> = days
        .arms
        .iter()
        .enumerate()
        .map(|(arm, (name, weight))| {
            vec![
                (*name).to_owned(),
                words::count(days.total(arm)),
                words::share(days.total(arm), all.max(1)),
                words::percent(words::significant_digits(*weight, 4)),
            ]
        })
        .collect();
    table::plain("Units by variant met first", &["variant", "units", "share", "planned"], &rows)
}

fn figures(experiment: &Experiment, days: &Days<'_>) -> Markup {
    let few = days.arms.len() <= MOST_LINES;
    let heads: Vec<&str> =
        std::iter::once("day").chain(days.arms.iter().map(|(name, _)| *name)).collect();
    let rows: Vec<Vec<String>> = days
        .days
        .iter()
        .map(|(ds, units)| {
            std::iter::once(ds.to_string()).chain(units.iter().map(|n| words::count(*n))).collect()
        })
        .collect();
    let said = format!(
        "{} units over {} days, {} of the planned arms.",
        words::count(days.all()),
        days.days.len(),
        days.arms.len()
    );
    html! {
        figure {
            figcaption { "New units by day" @if !few { ", all variants together" } }
            @if few { (legend(&days.arms.iter().map(|(name, _)| *name).collect::<Vec<_>>())) }
            (both("x", 220.0, "New units by day and variant", &said, |frame| new_units(frame, days, few)))
            @if few {
                p class="plot-title" {
                    "Share of all units so far, against the plan"
                    span class="fine" {
                        " — the band is where a share lies by chance on a given day, at the check's level of "
                        (words::percent(experiment.settings.sample_ratio_alpha))
                    }
                }
                (both("s", 200.0, "Cumulated share of each variant minus its planned share", &said, |frame| {
                    shares(frame, days, experiment.settings.sample_ratio_alpha)
                }))
            }
            (table::folded("These numbers", "New units by day and variant", &heads, &rows))
        }
    }
}

/// The lines by name: each with a dash and a mark of its own.
pub(super) fn legend(names: &[&str]) -> Markup {
    html! {
        ul class="legend-list" {
            @for (i, name) in names.iter().enumerate() {
                li {
                    svg class="key" viewBox="0 0 34 12" aria-hidden="true" {
                        path class={ "arm a" (i) } d="M0 6L34 6" {}
                        (mark(i, 17.0, 6.0))
                    }
                    span class="name" { (name) }
                }
            }
        }
    }
}

/// A mark of a shape of its own, so that lines are told apart without colour.
pub(super) fn mark(arm: usize, x: f64, y: f64) -> Markup {
    let r = 3.4;
    let class = format!("armdot a{arm}");
    let shape = |points: &[(f64, f64)]| {
        let d: String =
            points.iter().map(|(dx, dy)| format!("L{} {}", px(x + dx), px(y + dy))).collect();
        format!("M{}Z", &d[1..])
    };
    html! {
        @match arm % 6 {
            0 => circle class=(class) cx=(px(x)) cy=(px(y)) r=(r) {},
            1 => path class=(class) d=(shape(&[(-r, -r), (r, -r), (r, r), (-r, r)])) {},
            2 => path class=(class) d=(shape(&[(0.0, -4.4), (4.2, 3.2), (-4.2, 3.2)])) {},
            3 => path class=(class) d=(shape(&[(0.0, -4.6), (4.6, 0.0), (0.0, 4.6), (-4.6, 0.0)])) {},
            4 => path class=(class) d=(shape(&[(0.0, 4.4), (4.2, -3.2), (-4.2, -3.2)])) {},
            _ => path class=(class) d=(shape(&[(-4.4, -1.2), (4.4, -1.2), (4.4, 1.2), (-4.4, 1.2)])) {},
        }
    }
}

fn new_units(frame: &Frame, days: &Days<'_>, few: bool) -> Markup {
    let (first, last) = (days.days[0].0, days.days[days.days.len() - 1].0);
    let x = Scale::new((0.0, day(first, last)), frame.x_range());
    let lines: Vec<Vec<f64>> = if few {
        (0..days.arms.len())
            .map(|arm| days.days.iter().map(|(_, n)| n[arm] as f64).collect())
            .collect()
    } else {
        vec![days.days.iter().map(|(_, n)| n.iter().sum::<i64>() as f64).collect()]
    };
    let most = lines.iter().flatten().copied().fold(0.0, f64::max);
    let y = Scale::new((0.0, 1.06 * most.max(1.0)), frame.y_range());
    let ticks = ticks(y.low, y.high, 4);
    html! {
        (y_axis(frame, &y, &ticks, |v| ticks.plain(v)))
        @for (i, line) in lines.iter().enumerate() {
            @let points: Vec<_> = line.iter().enumerate().map(|(d, n)| Some((x.at(d as f64), y.at(*n)))).collect();
            path class={ "arm a" (i) } d=(path(&points)) {}
            @if days.days.len() <= 45 { @for (px, py) in points.iter().flatten() { (mark(i, *px, *py)) } }
        }
        (x_axis(frame, &x, &day_labels(frame, first, last), "day of first exposure"))
    }
}

/// Cumulated shares minus planned ones, with the band of a share that is as planned.
fn shares(frame: &Frame, days: &Days<'_>, alpha: f64) -> Markup {
    let (first, last) = (days.days[0].0, days.days[days.days.len() - 1].0);
    let x = Scale::new((0.0, day(first, last)), frame.x_range());
    let mut cumulated = vec![0.0; days.arms.len()];
    let mut rows: Vec<(f64, Vec<f64>)> = Vec::new();
    for (_, units) in &days.days {
        for (sum, n) in cumulated.iter_mut().zip(units) {
            *sum += *n as f64;
        }
        rows.push((cumulated.iter().sum(), cumulated.clone()));
    }
    let z = norm_isf(0.5 * alpha);
    let widest = days.arms.iter().map(|(_, w)| w * (1.0 - w)).fold(0.0, f64::max);
    let half = |n: f64| (n > 0.0).then(|| z * (widest / n).sqrt());
    let off = |arm: usize, (n, sums): &(f64, Vec<f64>)| {
        (*n > 0.0).then(|| sums[arm] / n - days.arms[arm].1)
    };
    // The first day's band is the widest; what follows is what matters.
    let bands = rows.iter().skip(1).filter_map(|(n, _)| half(*n)).flat_map(|h| [h, -h]);
    let lines = (0..days.arms.len())
        .flat_map(|arm| rows.iter().skip(1).filter_map(move |row| off(arm, row)));
    let domain = extent(bands.chain(lines), 0.05).unwrap_or((-0.01, 0.01));
    let y = Scale::new(domain, frame.y_range());
    let ticks = ticks(y.low, y.high, 4);
    let range: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(d, (n, _))| half(*n).map(|h| (x.at(d as f64), y.clamped(-h), y.clamped(h))))
        .collect();
    html! {
        (y_axis(frame, &y, &ticks, |v| ticks.change(v).replace('%', " pt")))
        path class="band neutral" d=(band(&range)) {}
        (level(frame, &y, 0.0, "zero", "as planned"))
        @for arm in 0..days.arms.len() {
            @let points: Vec<_> = rows.iter().enumerate().map(|(d, row)| off(arm, row).map(|v| (x.at(d as f64), y.clamped(v)))).collect();
            path class={ "arm a" (arm) } d=(path(&points)) {}
            @if days.days.len() <= 45 { @for (px, py) in points.iter().flatten() { (mark(arm, *px, *py)) } }
        }
        (x_axis(frame, &x, &day_labels(frame, first, last), "day"))
    }
}
