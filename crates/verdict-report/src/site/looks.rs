//! The effect over time, with the interval that holds at each look, and the statistic against its boundary.

use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::rows::ResultRow;
use verdict_model::{NaiveDate, Role};

use super::layout::absent;
use super::table;
use crate::Page;
use crate::finding::{target, target_absolute};
use crate::format::{change, exact};
use crate::plot::lines::{band, caption, day, day_labels, level, path, x_axis, y_axis};
use crate::plot::scale::{Scale, extent};
use crate::plot::ticks::ticks;
use crate::plot::{Frame, both, dates, px};

/// The plots of more variants than this are folded.
const FEW: usize = 2;

pub(crate) fn over_time(page: &Page) -> Markup {
    let series = series(&page.series);
    if series.iter().all(|one| one.looks.len() < 2) {
        return absent(
            "Fewer than two dates have results, so that there is no course to show. `verdict backfill --from … --to …` \
             makes the dates before, in one pass.",
        );
    }
    let (primary, others): (Vec<&Series<'_>>, Vec<&Series<'_>>) =
        series.iter().filter(|one| one.looks.len() > 1).partition(|one| one.role == Role::Primary);
    html! {
        p { (how(page)) }
        @if primary.len() <= FEW {
            @for (i, one) in primary.iter().enumerate() { (figures(page, one, &format!("t{i}"))) }
        } @else {
            @for (i, one) in primary.iter().enumerate() {
                details open[i == 0] {
                    summary { span class="name" { (one.variant) } }
                    (figures(page, one, &format!("t{i}")))
                }
            }
        }
        @if !others.is_empty() {
            details {
                summary { "Guardrails and secondary metrics over time" }
                @for (i, one) in others.iter().enumerate() { (figures(page, one, &format!("u{i}"))) }
            }
        }
    }
}

/// What the band means.
fn how(page: &Page) -> &'static str {
    match page.judged.experiment.settings.sequential.word() {
        "none" => {
            "Each date shows what was known on it. There is one test; intervals before its day are for orientation and \
             would mislead whoever stops at the first that excludes zero."
        }
        "msprt" | "confidence_sequence" => {
            "The band covers the true effect at every look together, so that it may be looked at on every day."
        }
        _ => {
            "The band is the repeated interval of the plan's boundary: it holds at all looks of the plan together."
        }
    }
}

/// The looks of one metric of one variant.
struct Series<'a> {
    role: Role,
    metric: &'a str,
    variant: &'a str,
    /// Each with the date that its numbers are of, in order.
    looks: Vec<(NaiveDate, &'a ResultRow)>,
}

fn series(rows: &[ResultRow]) -> Vec<Series<'_>> {
    let mut all: Vec<Series<'_>> = Vec::new();
    for row in rows {
        let ds = row.look_ds.unwrap_or(row.ds);
        let same = |one: &&mut Series<'_>| {
            one.role == row.role && one.metric == row.metric && one.variant == row.variant
        };
        match all.iter_mut().find(same) {
            // Between looks a row repeats the look before.
            Some(one) => match one.looks.last_mut() {
                Some(last) if last.0 == ds => *last = (ds, row),
                _ => one.looks.push((ds, row)),
            },
            None => all.push(Series {
                role: row.role,
                metric: &row.metric,
                variant: &row.variant,
                looks: vec![(ds, row)],
            }),
        }
    }
    all
}

/// How the effect is shown: as the last look has it, so that a course has one scale.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Share,
    Points,
    Own,
}

impl Unit {
    fn of(last: Option<&ResultRow>) -> Unit {
        match last {
            Some(row) if row.rel_effect.is_none() && row.metric_type == "proportion" => {
                Unit::Points
            }
            Some(row) if row.rel_effect.is_none() => Unit::Own,
            _ => Unit::Share,
        }
    }
}

/// The effect at a look.
struct Effect {
    ds: NaiveDate,
    estimate: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
}

fn figures(page: &Page, one: &Series<'_>, id: &str) -> Markup {
    let last = one.looks.last().map(|(_, row)| *row);
    let unit = Unit::of(last);
    let relative = unit == Unit::Share;
    let effects: Vec<Effect> = one
        .looks
        .iter()
        .map(|(ds, row)| match relative {
            true => Effect {
                ds: *ds,
                estimate: row.rel_effect,
                lower: row.rel_effect_ci_lower,
                upper: row.rel_effect_ci_upper,
            },
            false => Effect {
                ds: *ds,
                estimate: row.effect,
                lower: row.effect_ci_lower,
                upper: row.effect_ci_upper,
            },
        })
        .collect();
    let shown = |x: f64| match unit {
        Unit::Share => change(x),
        Unit::Points => format!("{} points", exact(100.0 * x)),
        Unit::Own => exact(x),
    };
    let experiment = &page.judged.experiment;
    let goal = last.and_then(|row| match relative {
        true => target(experiment, row),
        false => target_absolute(experiment, row),
    });
    let goal_label = if one.role == Role::Guardrail { "margin" } else { "smallest of interest" };
    let title = format!("{} of {} over time", one.metric, one.variant);
    let described = effects.last().map_or(String::new(), |last| {
        let (Some(x), lower, upper) = (last.estimate, last.lower, last.upper) else {
            return String::new();
        };
        let end = |x: Option<f64>| x.map_or_else(|| "open".to_owned(), shown);
        format!(
            "{} looks from {} to {}; at the last one the change is {}, interval {} to {}.",
            effects.len(),
            effects[0].ds,
            last.ds,
            shown(x),
            end(lower),
            end(upper)
        )
    });
    let heads = ["date", "change", "from", "to", "z", "boundary", "alpha spent", "adjusted p"];
    let cell = |x: Option<f64>, show: &dyn Fn(f64) -> String| x.map_or(String::new(), show);
    let rows: Vec<Vec<String>> = effects
        .iter()
        .zip(&one.looks)
        .map(|(effect, (ds, row))| {
            vec![
                ds.to_string(),
                cell(effect.estimate, &shown),
                cell(effect.lower, &shown),
                cell(effect.upper, &shown),
                cell(row.z, &|z| format!("{z:.2}")),
                cell(row.boundary, &|b| format!("{b:.2}")),
                cell(row.alpha_spent, &exact),
                words::adjusted_p(row),
            ]
        })
        .collect();
    html! {
        figure {
            figcaption { strong class="name" { (one.metric) } " · " span class="name" { (one.variant) } ": change against the control" }
            (both(id, 260.0, &title, &described, |frame| course(frame, &effects, unit, goal, goal_label)))
            @if one.looks.iter().filter(|(_, row)| row.boundary.is_some() && row.z.is_some()).count() > 1 {
                p class="plot-title" { "Test statistic against its boundary" }
                (both(&format!("{id}z"), 200.0, &format!("{title}: statistic and boundary"), &described, |frame| statistic(frame, one)))
            }
            (table::folded("These numbers", &format!("{title}, look by look"), &heads, &rows))
        }
    }
}

fn course(
    frame: &Frame,
    effects: &[Effect],
    unit: Unit,
    goal: Option<f64>,
    goal_label: &str,
) -> Markup {
    let (first, last) = (effects[0].ds, effects[effects.len() - 1].ds);
    let x = Scale::new((0.0, day(first, last)), frame.x_range());
    let ends = effects.iter().flat_map(|e| [e.lower, e.upper, e.estimate]).flatten();
    let domain = tamed(ends.clone().collect()).unwrap_or((-1.0, 1.0));
    let domain =
        extent([domain.0, domain.1, 0.0].into_iter().chain(goal), 0.06).unwrap_or((-1.0, 1.0));
    let y = Scale::new(domain, frame.y_range());
    let ticks = ticks(y.low, y.high, 5);
    let label = |v: f64| match unit {
        Unit::Share => ticks.change(v),
        Unit::Points => ticks.change(v).replace('%', " pt"),
        Unit::Own => ticks.plain(v).replace('-', "−"),
    };
    // An open end goes to the edge.
    let bands: Vec<_> = effects
        .iter()
        .map(|e| {
            (e.lower.is_some() || e.upper.is_some()).then(|| {
                let lower = y.clamped(e.lower.unwrap_or(y.low));
                (x.at(day(first, e.ds)), lower, y.clamped(e.upper.unwrap_or(y.high)))
            })
        })
        .collect();
    let line: Vec<_> = effects
        .iter()
        .map(|e| e.estimate.map(|v| (x.at(day(first, e.ds)), y.clamped(v))))
        .collect();
    let edge = |pick: &dyn Fn(&Effect) -> Option<f64>| -> Vec<Option<(f64, f64)>> {
        let at = |e: &Effect| pick(e).map(|v| (x.at(day(first, e.ds)), y.clamped(v)));
        effects.iter().map(at).collect()
    };
    // Labels that would lie upon each other: the axis says where zero is.
    let far = goal.is_none_or(|goal| (y.at(goal) - y.at(0.0)).abs() > 15.0);
    html! {
        (y_axis(frame, &y, &ticks, label))
        path class="band" d=(band(&bands)) {}
        path class="edge" d=(path(&edge(&|e| e.lower))) {}
        path class="edge" d=(path(&edge(&|e| e.upper))) {}
        (level(frame, &y, 0.0, "zero", if far { "no change" } else { "" }))
        path class="line" d=(path(&line)) {}
        @for (cx, cy) in line.iter().flatten() { circle class="dot found" cx=(px(*cx)) cy=(px(*cy)) r=(radius(effects.len())) {} }
        @if let Some(goal) = goal { (level(frame, &y, goal, "mark", goal_label)) }
        (x_axis(frame, &x, &day_labels(frame, first, last), &caption(frame, "as-of date", goal.map(|_| goal_label))))
    }
}

fn radius(n: usize) -> &'static str {
    if n > 40 { "1.8" } else { "3" }
}

/// The extent of the numbers, but for the wild ends of the first looks: they would leave no room for the rest.
fn tamed(mut values: Vec<f64>) -> Option<(f64, f64)> {
    values.retain(|x| x.is_finite());
    let last: Vec<f64> = values.iter().rev().take(3).map(|x| x.abs()).collect();
    let near = last.iter().fold(0.0, |a: f64, b| a.max(*b));
    let most = 3.0 * near;
    extent(values.into_iter().map(|x| if most > 0.0 { x.clamp(-most, most) } else { x }), 0.0)
}

/// z at each look, and what it is held against on the sides that the test looks at.
fn statistic(frame: &Frame, one: &Series<'_>) -> Markup {
    let (first, last) = (one.looks[0].0, one.looks[one.looks.len() - 1].0);
    let x = Scale::new((0.0, day(first, last)), frame.x_range());
    let sides: &[f64] = match one.looks[0].1.alternative.as_str() {
        "greater" => &[1.0],
        "less" => &[-1.0],
        _ => &[1.0, -1.0],
    };
    let most = one.looks.iter().filter_map(|(_, row)| row.z).fold(3.0, |a: f64, z| a.max(z.abs()));
    let most = 1.6 * most;
    let boundary = |row: &ResultRow, side: f64| row.boundary.map(|b| side * b);
    let bounds =
        one.looks.iter().flat_map(|(_, row)| sides.iter().filter_map(|s| boundary(row, *s)));
    let zs = one.looks.iter().filter_map(|(_, row)| row.z);
    let domain = extent(zs.chain(bounds).filter(|v| v.abs() <= most).chain([0.0]), 0.08);
    let y = Scale::new(domain.unwrap_or((-3.0, 3.0)), frame.y_range());
    let at = |ds: &NaiveDate, v: Option<f64>| {
        v.filter(|v| y.contains(*v)).map(|v| (x.at(day(first, *ds)), y.at(v)))
    };
    let ticks = ticks(y.low, y.high, 4);
    let line: Vec<_> = one.looks.iter().map(|(ds, row)| at(ds, row.z)).collect();
    html! {
        (y_axis(frame, &y, &ticks, |v| ticks.plain(v).replace('-', "−")))
        @for side in sides {
            @let points: Vec<_> = one.looks.iter().map(|(ds, row)| at(ds, boundary(row, *side))).collect();
            path class="boundary" d=(path(&points)) {}
            @if let (Some((_, y)), true) = (points.iter().flatten().last(), frame.has_margin()) {
                text class="label" x=(px(frame.x_range().1 + 8.0)) y=(px(y + 4.0)) { "boundary" }
            }
        }
        (level(frame, &y, 0.0, "zero", ""))
        path class="line" d=(path(&line)) {}
        @for (cx, cy) in line.iter().flatten() { circle class="dot found" cx=(px(*cx)) cy=(px(*cy)) r=(radius(one.looks.len())) {} }
        (x_axis(frame, &x, &day_labels(frame, first, last), &caption(frame, &format!("look, {} to {}", dates::short(first), dates::long(last)), Some("boundary"))))
    }
}
