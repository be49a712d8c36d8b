//! The effect by days since exposure: whether it fades or grows as units get used to the change.

use maud::{Markup, html};
use verdict_analysis::judge::Cohort;
use verdict_analysis::methods::special::norm_isf;
use verdict_analysis::words;

use super::table;
use crate::Page;
use crate::format::change;
use crate::plot::lines::{caption, level, path, x_axis, y_axis};
use crate::plot::scale::{Scale, extent};
use crate::plot::ticks::ticks;
use crate::plot::{Frame, both, px};

/// The plots of more variants than this are folded.
const FEW: usize = 2;
/// The level of each interval.
const CONFIDENCE: f64 = 0.95;

/// Empty where the statistics have no rows by day of exposure, or one day alone.
pub(crate) fn by_age(page: &Page) -> Option<Markup> {
    let variants = page.judged.experiment.treatments().map(|arm| arm.name.as_str());
    let drawn: Vec<(&str, Vec<&Cohort>)> = variants
        .map(|name| (name, page.cohorts.iter().filter(|one| one.variant == name).collect()))
        .filter(|(_, cohorts): &(_, Vec<_>)| cohorts.len() > 1)
        .collect();
    let check = page.judged.checks.iter().find(|check| check.check == "novelty");
    (!drawn.is_empty()).then(|| html! {
        p {
            "Each point is the units first exposed on one day, by how long ago that was: their change in "
            span class="name" { (page.judged.experiment.primary.name.value) }
            " over all their days so far, with its " (words::percent(CONFIDENCE)) " interval, each by itself. An effect that fades \
             to the right is one of novelty; one that grows has to be learned."
        }
        @if let Some(check) = check { p { (super::checks::status_badge(&check.status)) " " (super::layout::prose(&check.message)) } }
        @for (i, (name, cohorts)) in drawn.iter().enumerate() {
            @if drawn.len() <= FEW { (one(page, name, cohorts, i)) } @else {
                details open[i == 0] { summary { span class="name" { (name) } } (one(page, name, cohorts, i)) }
            }
        }
    })
}

fn one(page: &Page, variant: &str, cohorts: &[&Cohort], nth: usize) -> Markup {
    let metric = &page.judged.experiment.primary.name.value;
    let title = format!("{metric} of {variant} by days since exposure");
    let all = page.judged.primary_of(variant).and_then(|row| row.rel_effect);
    let ends = |one: &Cohort| {
        let half = norm_isf(0.5 * (1.0 - CONFIDENCE)) * one.std_error;
        (one.lift - half, one.lift + half)
    };
    let said = match (cohorts.first(), cohorts.last()) {
        (Some(old), Some(young)) => format!(
            "From {} after {} to {} after {}.",
            change(young.lift),
            words::counted(young.age, "day"),
            change(old.lift),
            words::counted(old.age, "day")
        ),
        _ => String::new(),
    };
    let rows: Vec<Vec<String>> = cohorts
        .iter()
        .map(|one| {
            let (lower, upper) = ends(one);
            vec![
                one.exposed.to_string(),
                words::count(one.age),
                words::count(one.n_control),
                words::count(one.n_variant),
                change(one.lift),
                change(lower),
                change(upper),
            ]
        })
        .collect();
    let heads = [
        "day of exposure",
        "days since",
        "units of control",
        "units of variant",
        "change",
        "from",
        "to",
    ];
    html! {
        figure {
            figcaption { strong class="name" { (metric) } " · " span class="name" { (variant) } ": change by days since exposure" }
            (both(&format!("c{nth}"), 240.0, &title, &said, |frame| drawing(frame, cohorts, &ends, all)))
            (table::folded("These numbers", &title, &heads, &rows))
        }
    }
}

fn drawing(
    frame: &Frame,
    cohorts: &[&Cohort],
    ends: &dyn Fn(&Cohort) -> (f64, f64),
    all: Option<f64>,
) -> Markup {
    let oldest = cohorts.iter().map(|one| one.age).fold(0, i64::max) as f64;
    // Half a day of room, so that no bar lies upon the axis.
    let x = Scale::new((-0.5, oldest + 0.5), frame.x_range());
    let values = cohorts.iter().flat_map(|one| <[f64; 2]>::from(ends(one)));
    let domain = extent(values.chain([0.0]).chain(all), 0.06).unwrap_or((-1.0, 1.0));
    let y = Scale::new(domain, frame.y_range());
    let y_ticks = ticks(y.low, y.high, 5);
    let ages = ticks(0.0, oldest, if frame.has_margin() { 9 } else { 5 });
    let labels: Vec<(f64, String)> = ages
        .at
        .iter()
        .filter(|age| age.fract() == 0.0)
        .map(|age| (*age, ages.plain(*age)))
        .collect();
    let points: Vec<_> =
        cohorts.iter().map(|one| Some((x.at(one.age as f64), y.at(one.lift)))).collect();
    let far = all.is_none_or(|all| (y.at(all) - y.at(0.0)).abs() > 15.0);
    html! {
        (y_axis(frame, &y, &y_ticks, |v| y_ticks.change(v)))
        (level(frame, &y, 0.0, "zero", if far { "no change" } else { "" }))
        @for one in cohorts {
            @let (lower, upper) = ends(one);
            line class="edge" x1=(px(x.at(one.age as f64))) x2=(px(x.at(one.age as f64))) y1=(px(y.at(lower))) y2=(px(y.at(upper))) {}
        }
        path class="line faint" d=(path(&points)) {}
        @for (cx, cy) in points.iter().flatten() { circle class="dot found" cx=(px(*cx)) cy=(px(*cy)) r=(if cohorts.len() > 40 { "1.8" } else { "3" }) {} }
        @if let Some(all) = all { (level(frame, &y, all, "mark", "all units")) }
        (x_axis(frame, &x, &labels, &caption(frame, "days since exposure", all.map(|_| "all units"))))
    }
}
