//! Power curves, as numbers and as characters for a terminal.

use super::comparison::Comparison;
use super::{Answer, Objective, Question, Shares};
use crate::methods::guardrail::Margin;
use crate::words::{number, short};

/// A curve: (x, power), x ascending.
type Points = Vec<(f64, f64)>;

/// Steps of a curve; the plan itself lies in the middle.
const STEPS: u32 = 40;

/// Power by all units at the planned effect, and by effect at the planned units.
pub(super) fn curves(
    comparison: &Comparison<'_>,
    shares: &Shares,
    answers: &[Answer],
) -> (Points, Points) {
    let formula = comparison.smooth_formula();
    let answer = answers.iter().find(|answer| answer.formula == formula);
    let Some(answer) = answer.or_else(|| answers.first()) else { return (vec![], vec![]) };
    let power = |effect: f64, n_control: f64| {
        comparison.smooth_power(formula, effect, n_control).ok().flatten()
    };
    let per_control: f64 = shares.ratios.iter().sum();
    let steps = |low: f64, high: f64| {
        (0..=STEPS).map(move |i| low + (high - low) * (f64::from(i) / f64::from(STEPS)))
    };
    let by_units = steps(0.0, 2.0 * answer.total as f64)
        .filter_map(|total| Some((total, power(answer.effect, total / per_control)?)))
        .collect();
    let n_control = answer.units[0] as f64;
    let (low, high) = match comparison.reach() {
        // Of a guardrail with a margin the unknown is the true effect.
        Some(room) => (-room, room),
        None => {
            let far = 2.0 * answer.effect;
            (far.min(0.0), far.max(0.0))
        }
    };
    let by_effect = steps(low, high)
        .filter(|_| low < high)
        .filter_map(|effect| Some((effect, power(effect, n_control)?)))
        .collect();
    (by_units, by_effect)
}

impl Comparison<'_> {
    /// The margin in the metric's unit, where one is given and the true effect is the unknown.
    fn reach(&self) -> Option<f64> {
        match (self.request.objective, self.request.question) {
            (_, Question::Mde { .. }) | (Objective::Difference, _) => None,
            (Objective::NonInferiority { margin, .. }, _) => match margin? {
                Margin::Absolute(margin) => Some(margin),
                Margin::Relative(share) => Some(share * self.baseline?),
            },
        }
    }
}

/// The characters that a curve is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chars {
    /// Box-drawing characters.
    Unicode,
    /// Plain ASCII.
    Ascii,
}

const WIDTH: usize = 61;
const HEIGHT: usize = 11;

/// A power curve in characters, 100% at the top; the dashed line is the wanted power.
///
/// Empty for fewer than two points.
///
/// ```
/// use verdict_analysis::planning::{Chars, curve_text};
///
/// let drawn = curve_text(&[(0.0, 0.05), (1.0, 0.5), (2.0, 0.95)], 0.8, "units", Chars::Ascii);
/// assert!(drawn.starts_with(" 100% |"));
/// assert!(drawn.trim_end().ends_with("units"));
/// ```
#[must_use]
pub fn curve_text(points: &[(f64, f64)], wanted: f64, x_label: &str, chars: Chars) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let width = last.0 - first.0;
    if width.is_nan() || width <= 0.0 {
        return String::new();
    }
    let (dot, dash, side, corner, floor) = match chars {
        Chars::Unicode => ('•', '┄', '│', '└', '─'),
        Chars::Ascii => ('*', '-', '|', '+', '-'),
    };
    let line = |power: f64| ((1.0 - power.clamp(0.0, 1.0)) * (HEIGHT - 1) as f64).round() as usize;
    let mut rows = vec![vec![' '; WIDTH]; HEIGHT];
    rows[line(wanted)] = vec![dash; WIDTH];
    let x_of = |column: usize| first.0 + width * (column as f64 / (WIDTH - 1) as f64);
    let drawn = (0..WIDTH).filter_map(|column| Some((column, at(points, x_of(column))?)));
    drawn.for_each(|(column, power)| rows[line(power)][column] = dot);
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        let percent = 100 - 100 * i / (HEIGHT - 1);
        let label =
            if i % 5 == 0 || i == line(wanted) { format!("{percent:>4}%") } else { " ".repeat(5) };
        let drawn: String = row.iter().collect();
        text.push_str(&format!("{label} {side}{}\n", drawn.trim_end()));
    }
    text.push_str(&format!("{}{corner}{}\n", " ".repeat(6), floor.to_string().repeat(WIDTH)));
    let (left, right) = (tick(first.0, width), tick(last.0, width));
    let middle = tick(first.0 + 0.5 * width, width);
    // The three labels below the ends and the middle of the axis.
    let half = WIDTH / 2;
    let gap = |taken: usize, next: &str, place: usize| {
        " ".repeat(place.saturating_sub(taken + next.chars().count()).max(1))
    };
    let first_gap = gap(left.chars().count(), &middle, half + middle.chars().count() / 2);
    let so_far = left.chars().count() + first_gap.len() + middle.chars().count();
    let second_gap = gap(so_far, &right, WIDTH);
    text.push_str(&format!(
        "{}{left}{first_gap}{middle}{second_gap}{right}  {x_label}\n",
        " ".repeat(7)
    ));
    text
}

/// The power at x, between the points beside it.
fn at(points: &[(f64, f64)], x: f64) -> Option<f64> {
    let after = points.iter().position(|point| point.0 >= x)?;
    let (x1, y1) = points[after];
    if after == 0 || x1 == x {
        return (x1 == x).then_some(y1);
    }
    let (x0, y0) = points[after - 1];
    Some(y0 + (y1 - y0) * ((x - x0) / (x1 - x0)))
}

/// A number below the axis, with as many digits as the width of the axis needs.
fn tick(x: f64, width: f64) -> String {
    if width >= 20.0 {
        return number(x, 0);
    }
    let decimals = (2.0 - width.log10().floor()).clamp(0.0, 9.0) as usize;
    let rounded = number(x, decimals);
    rounded.replace(',', "").parse().map_or(rounded, short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_drawn_straight() {
        let drawn = curve_text(&[(0.0, 0.0), (60.0, 1.0)], 0.8, "units", Chars::Ascii);
        let rows: Vec<&str> = drawn.lines().collect();
        assert_eq!(rows.len(), HEIGHT + 2);
        // 100% is reached at the right end, 50% in the middle, 0% at the left.
        assert_eq!(rows[0].trim_end().len(), 7 + WIDTH);
        assert!(
            rows[5].starts_with("  50% |") && rows[5].chars().nth(7 + 30) == Some('*'),
            "{drawn}"
        );
        assert!(rows[10].starts_with("   0% |*"), "{drawn}");
        // The wanted power is a dashed line under the curve.
        assert!(rows[2].starts_with("  80% |----"), "{drawn}");
        assert!(
            rows[12].trim_start().starts_with("0 ") && rows[12].ends_with("60  units"),
            "{drawn}"
        );
    }

    #[test]
    fn unicode_and_ascii_have_one_shape() {
        let points: Vec<(f64, f64)> =
            (0..=40).map(|i| (f64::from(i), f64::from(i) / 40.0)).collect();
        let unicode = curve_text(&points, 0.9, "x", Chars::Unicode);
        let ascii = curve_text(&points, 0.9, "x", Chars::Ascii);
        let plain: String = unicode
            .chars()
            .map(|c| match c {
                '•' => '*',
                '┄' | '─' => '-',
                '│' => '|',
                '└' => '+',
                c => c,
            })
            .collect();
        assert_eq!(plain, ascii);
        assert!(ascii.is_ascii());
    }

    #[test]
    fn no_points_are_no_curve() {
        assert_eq!(curve_text(&[], 0.8, "x", Chars::Ascii), "");
        assert_eq!(curve_text(&[(1.0, 0.5)], 0.8, "x", Chars::Ascii), "");
        // A curve may begin late: nothing is drawn where nothing is known.
        let late = curve_text(&[(0.5, 0.5), (1.0, 1.0)], 0.8, "x", Chars::Ascii);
        assert!(late.lines().nth(12).expect("the axis").contains("0.75"), "{late}");
    }
}
