//! Intervals in characters.

use crate::plot::interval::Interval;
use crate::plot::scale::Scale;
use crate::plot::ticks::ticks;

/// The scale of drawings of so many columns.
pub(super) fn scale(domain: (f64, f64), columns: usize) -> Scale {
    Scale::new(domain, (0.0, columns.saturating_sub(1) as f64))
}

/// An interval: `├──●──┤`, `◂` and `▸` where it goes on, `┊` at no change, `╎` at the smallest effect of interest; the
/// estimate is full where the test has found something.
pub(super) fn interval(scale: &Scale, interval: &Interval, columns: usize) -> String {
    let mut cells = vec![' '; columns];
    let at = |x: f64| scale.clamped(x).round() as usize;
    let mut set = |column: usize, c: char| {
        if let Some(cell) = cells.get_mut(column) {
            *cell = c;
        }
    };
    if let Some(mark) = interval.mark.filter(|mark| scale.contains(*mark)) {
        set(at(mark), '╎');
    }
    if scale.contains(0.0) {
        set(at(0.0), '┊');
    }
    if interval.lower.is_some() || interval.upper.is_some() {
        let (from, to) =
            (at(interval.lower.unwrap_or(scale.low)), at(interval.upper.unwrap_or(scale.high)));
        for column in from..=to {
            let crossed = scale.contains(0.0) && column == at(0.0);
            set(column, if crossed { '┼' } else { '─' });
        }
        set(from, if interval.lower.is_none_or(|x| x < scale.low) { '◂' } else { '├' });
        set(to, if interval.upper.is_none_or(|x| x > scale.high) { '▸' } else { '┤' });
    }
    if let Some(x) = interval.estimate {
        let dot = match (x < scale.low, x > scale.high) {
            (true, _) => '◂',
            (_, true) => '▸',
            _ if interval.found => '●',
            _ => '○',
        };
        set(at(x), dot);
    }
    cells.into_iter().collect()
}

/// The axis above such drawings: round changes, as far apart as they are legible.
pub(super) fn axis(scale: &Scale, columns: usize) -> String {
    let ticks = ticks(scale.low, scale.high, (columns / 12).max(2));
    let mut cells: Vec<char> = vec![' '; columns];
    let mut free = 0;
    for x in &ticks.at {
        let label: Vec<char> = ticks.change(*x).chars().collect();
        let middle = scale.at(*x).round() as usize;
        // A label that would not stand above its place is left out.
        let Some(from) = middle.checked_sub(label.len() / 2).filter(|from| *from >= free) else {
            continue;
        };
        if from + label.len() > columns {
            continue;
        }
        free = from + label.len() + 1;
        cells[from..from + label.len()].copy_from_slice(&label);
    }
    cells.into_iter().collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lower: Option<f64>, estimate: f64, upper: Option<f64>, found: bool) -> String {
        let one = Interval {
            estimate: Some(estimate),
            lower,
            upper,
            mark: Some(4.0),
            found,
            tone: "neutral",
        };
        interval(&scale((-10.0, 10.0), 21), &one, 21)
    }

    #[test]
    fn an_interval_is_drawn_to_scale() {
        assert_eq!(drawn(Some(-2.0), 1.0, Some(3.0), false), "        ├─┼○─┤╎      ");
        assert_eq!(drawn(Some(5.0), 6.0, Some(8.0), true), "          ┊   ╎├●─┤  ");
    }

    #[test]
    fn what_goes_on_beyond_the_edge_has_an_arrow() {
        assert_eq!(drawn(None, 1.0, Some(3.0), false), "◂─────────┼○─┤╎      ");
        assert_eq!(drawn(Some(-2.0), 1.0, Some(30.0), false), "        ├─┼○────────▸");
        assert_eq!(drawn(Some(12.0), 13.0, Some(30.0), true), "          ┊   ╎     ▸");
    }

    #[test]
    fn the_axis_has_round_changes() {
        let axis = axis(&scale((-0.1, 0.1), 41), 41);
        assert_eq!(axis, "         −5%       0%        +5%");
    }
}
