//! How values are distributed in each variant, where the statistics keep it.

use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::rows::WHOLE;

use super::exposures::{legend, mark};
use super::table;
use crate::format::exact;
use crate::plot::lines::{path, x_axis, y_axis};
use crate::plot::scale::Scale;
use crate::plot::ticks::ticks;
use crate::plot::{Frame, both};
use crate::{Page, Spread};

/// Bins of a drawing.
const BINS: usize = 48;
/// Values further out than this share on either side are not drawn: they would leave no room for the others.
const TAIL: f64 = 0.005;
/// A range of more than this many times its least value is drawn on a logarithmic axis.
const WIDE: f64 = 40.0;
/// The quantiles of the table.
const QUANTILES: [f64; 7] = [0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];
/// More variants than this are told apart by nobody: the table has them.
const MOST_LINES: usize = 6;

/// The metrics whose statistics keep a distribution; empty where none does.
pub(crate) fn distributions(page: &Page) -> Option<Markup> {
    let arms: Vec<&str> =
        page.judged.experiment.design.arms.iter().map(|arm| arm.name.as_str()).collect();
    let metrics = page.judged.experiment.metrics().map(|metric| metric.name.value.as_str());
    let mut drawn = Vec::new();
    for metric in metrics {
        let of = |arm: &&str| Values::of(&page.spreads, metric, arm);
        let values: Vec<(&str, Values)> =
            arms.iter().filter_map(|arm| Some((*arm, of(arm)?))).collect();
        if !values.is_empty() {
            drawn.push(one(metric, &values, drawn.len()));
        }
    }
    (!drawn.is_empty()).then(|| html! {
        p { "What is drawn is the share of values in each of " (BINS) " bins, without the outermost 0.5% on either side." }
        @for figure in &drawn { (figure) }
    })
}

/// The values of a variant: their number between two limits, in order.
struct Values {
    buckets: Vec<(f64, f64, f64)>,
    total: f64,
}

impl Values {
    fn of(spreads: &[Spread], metric: &str, variant: &str) -> Option<Values> {
        let own = |s: &&Spread| s.metric == metric && s.variant == variant && s.segment == WHOLE;
        let spread = spreads.iter().find(own)?;
        let (lower, upper) = (spread.bucket_lower.as_ref()?, spread.bucket_upper.as_ref()?);
        let counts = spread.bucket_count.as_ref()?;
        let limits = lower.iter().copied().zip(upper.iter().copied());
        let buckets: Vec<(f64, f64, f64)> = limits
            .zip(counts)
            .filter(|((lower, upper), n)| lower.is_finite() && upper.is_finite() && **n > 0)
            .map(|((lower, upper), n)| (lower, upper, *n as f64))
            .collect();
        let total = buckets.iter().map(|(.., n)| n).sum();
        (total > 0.0).then_some(Values { buckets, total })
    }

    /// A quantile, by the middle of its bucket.
    fn quantile(&self, share: f64) -> f64 {
        let mut below = 0.0;
        for (lower, upper, n) in &self.buckets {
            below += n;
            if below >= share * self.total {
                return 0.5 * (lower + upper);
            }
        }
        self.buckets.last().map_or(0.0, |(_, upper, _)| *upper)
    }
}

/// Where a value stands on the axis: itself, or its logarithm.
#[derive(Clone, Copy)]
struct Axis {
    log: bool,
    low: f64,
    high: f64,
}

impl Axis {
    fn of(values: &[(&str, Values)]) -> Axis {
        let low = values.iter().map(|(_, v)| v.quantile(TAIL)).fold(f64::INFINITY, f64::min);
        let high =
            values.iter().map(|(_, v)| v.quantile(1.0 - TAIL)).fold(f64::NEG_INFINITY, f64::max);
        let log = low > 0.0 && high > WIDE * low;
        let place = |x: f64| if log { x.log10() } else { x };
        let (low, high) = (place(low), place(high));
        if low < high {
            Axis { log, low, high }
        } else {
            Axis { log, low: low - 0.5, high: high + 0.5 }
        }
    }

    fn place(self, x: f64) -> f64 {
        if self.log { x.max(f64::MIN_POSITIVE).log10() } else { x }
    }

    /// Round values and their words.
    fn labels(self, wanted: usize) -> Vec<(f64, String)> {
        if !self.log {
            let ticks = ticks(self.low, self.high, wanted);
            return ticks.at.iter().map(|x| (*x, ticks.plain(*x))).collect();
        }
        let powers = self.low.floor() as i32..=self.high.ceil() as i32;
        let factors: &[f64] = if powers.clone().count() > 4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let all = powers.flat_map(|power| factors.iter().map(move |f| f * 10f64.powi(power)));
        let all = all.filter(|x| (self.low..=self.high).contains(&x.log10()));
        all.map(|x| (x.log10(), exact(x))).collect()
    }

    /// The share of the values in each bin.
    fn shares(self, values: &Values) -> Vec<f64> {
        let mut shares = vec![0.0; BINS];
        let width = (self.high - self.low) / BINS as f64;
        for (lower, upper, n) in &values.buckets {
            let at = ((self.place(0.5 * (lower + upper)) - self.low) / width).floor();
            // The last bin has its upper end.
            let bin = if at == BINS as f64 { BINS - 1 } else { at as usize };
            if at >= 0.0 && bin < BINS {
                shares[bin] += n / values.total;
            }
        }
        shares
    }
}

fn one(metric: &str, values: &[(&str, Values)], nth: usize) -> Markup {
    let axis = Axis::of(values);
    let title = format!("Distribution of {metric} by variant");
    let medians: Vec<String> =
        values.iter().map(|(arm, v)| format!("{arm} {}", exact(v.quantile(0.5)))).collect();
    let said = format!("Medians: {}.", words::list(&medians));
    let heads: Vec<String> =
        QUANTILES.iter().map(|q| format!("{} quantile", words::percent(*q))).collect();
    let heads: Vec<&str> =
        ["variant", "values"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let rows: Vec<Vec<String>> = values
        .iter()
        .map(|(arm, v)| {
            let quantiles = QUANTILES.iter().map(|q| exact(v.quantile(*q)));
            [(*arm).to_owned(), words::count(v.total as i64)].into_iter().chain(quantiles).collect()
        })
        .collect();
    let names: Vec<&str> = values.iter().map(|(arm, _)| *arm).collect();
    html! {
        figure {
            figcaption { span class="name" { (metric) } @if axis.log { ", logarithmic axis" } }
            @if values.len() <= MOST_LINES {
                (legend(&names))
                (both(&format!("v{nth}"), 220.0, &title, &said, |frame| draw(frame, axis, values)))
            }
            (table::folded("Its quantiles", &title, &heads, &rows))
        }
    }
}

fn draw(frame: &Frame, axis: Axis, values: &[(&str, Values)]) -> Markup {
    let shares: Vec<Vec<f64>> = values.iter().map(|(_, v)| axis.shares(v)).collect();
    let most = shares.iter().flatten().copied().fold(0.0, f64::max);
    let x = Scale::new((axis.low, axis.high), frame.x_range());
    let y = Scale::new((0.0, 1.06 * most), frame.y_range());
    let y_ticks = ticks(0.0, y.high, 4);
    let middle = |bin: usize| axis.low + (bin as f64 + 0.5) * (axis.high - axis.low) / BINS as f64;
    let labels = axis.labels(if frame.has_margin() { 8 } else { 4 });
    let labels = if frame.has_margin() { labels } else { labels.into_iter().step_by(2).collect() };
    html! {
        (y_axis(frame, &y, &y_ticks, |v| y_ticks.percent(v)))
        @for (arm, shares) in shares.iter().enumerate() {
            @let points: Vec<_> = shares.iter().enumerate().map(|(bin, s)| Some((x.at(middle(bin)), y.at(*s)))).collect();
            path class={ "arm a" (arm) } d=(path(&points)) {}
            // A mark at some places is enough to tell lines apart.
            @for (px, py) in points.iter().flatten().skip(4 + 2 * arm).step_by(12) { (mark(arm, *px, *py)) }
        }
        (x_axis(frame, &x, &labels, "value"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(buckets: &[(f64, f64, f64)]) -> Values {
        Values { buckets: buckets.to_vec(), total: buckets.iter().map(|(.., n)| n).sum() }
    }

    #[test]
    fn quantiles_are_where_so_many_lie_below() {
        let values = values(&[(0.0, 2.0, 1.0), (2.0, 4.0, 2.0), (4.0, 6.0, 1.0)]);
        assert_eq!(
            [0.1, 0.25, 0.5, 0.75, 0.9].map(|q| values.quantile(q)),
            [1.0, 1.0, 3.0, 3.0, 5.0]
        );
    }

    #[test]
    fn shares_add_up_to_what_is_drawn() {
        let one = [("a", values(&[(1.0, 1.0, 30.0), (50.0, 52.0, 60.0), (98.0, 100.0, 10.0)]))];
        let axis = Axis::of(&one);
        assert!(axis.log, "1 to 99");
        let shares = axis.shares(&one[0].1);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{shares:?}");
        assert_eq!(shares[0], 0.3);
        let same = [("a", values(&[(3.0, 3.0, 5.0)]))];
        assert_eq!(Axis::of(&same).shares(&same[0].1).iter().sum::<f64>(), 1.0);
    }
}
