//! From numbers to places on a drawing.

/// A linear scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// `low` goes to `from`, `high` to `to`. A domain without a width gets one.
    pub(crate) fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Scale {
        let (low, high) = if low < high { (low, high) } else { widened(low) };
        Scale { low, high, from, to }
    }

    /// The place of a number, inside the range or not.
    pub(crate) fn at(&self, x: f64) -> f64 {
        self.from + (x - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The place of a number, at the edge for those beyond it.
    pub(crate) fn clamped(&self, x: f64) -> f64 {
        self.at(x.clamp(self.low, self.high))
    }

    pub(crate) fn contains(&self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }
}

fn widened(x: f64) -> (f64, f64) {
    if !x.is_finite() {
        return (-1.0, 1.0);
    }
    let half = if x == 0.0 { 1.0 } else { 0.5 * x.abs() };
    (x - half, x + half)
}

/// The least and the greatest of the finite numbers, with a share of their distance added on both sides.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>, padding: f64) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|x| x.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low > high {
        return None;
    }
    let more = padding * (high - low);
    Some((low - more, high + more))
}

/// A domain for intervals that are to be compared: all of them, unless a few are so much wider than the rest that they would
/// leave no room for it. Those are cut, and drawn with an arrow.
///
/// `spans` are the ends (an open end is absent); zero is always inside, and so are those of `marks` that leave room.
pub(crate) fn comparable(
    spans: &[(Option<f64>, Option<f64>)],
    marks: &[f64],
) -> Option<(f64, f64)> {
    let ends = |(low, high): &(Option<f64>, Option<f64>)| {
        [*low, *high].into_iter().flatten().filter(|x| x.is_finite())
    };
    let reach_of = |span: &(Option<f64>, Option<f64>)| ends(span).map(f64::abs).reduce(f64::max);
    let mut reach: Vec<f64> = spans.iter().filter_map(reach_of).collect();
    reach.sort_by(f64::total_cmp);
    // Of two the wider one: with the narrower as the measure half of what there is would be cut.
    let middle = *reach.get(reach.len() / 2)?;
    let most = CUT * middle;
    let marks = marks.iter().copied().filter(|x| x.is_finite() && x.abs() <= most);
    let shown =
        spans.iter().flat_map(ends).map(|x| if most > 0.0 { x.clamp(-most, most) } else { x });
    extent(shown.chain(marks).chain([0.0]), 0.06)
}

/// How many times as far as the median interval one may reach before it is cut.
const CUT: f64 = 6.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_go_to_ends() {
        let scale = Scale::new((0.0, 10.0), (100.0, 0.0));
        assert_eq!((scale.at(0.0), scale.at(10.0), scale.at(2.5)), (100.0, 0.0, 75.0));
        assert_eq!((scale.clamped(-5.0), scale.clamped(11.0)), (100.0, 0.0));
        assert!(scale.contains(10.0) && !scale.contains(10.1));
    }

    #[test]
    fn a_domain_without_width_gets_one() {
        for x in [0.0, 3.0, -2.0, f64::NAN] {
            let scale = Scale::new((x, x), (0.0, 1.0));
            assert!(scale.low < scale.high && scale.at(scale.low).is_finite());
        }
    }

    #[test]
    fn the_extent_is_of_finite_numbers() {
        assert_eq!(extent([1.0, f64::NAN, 3.0, f64::INFINITY], 0.5), Some((0.0, 4.0)));
        assert_eq!(extent([f64::NAN], 0.1), None);
    }

    #[test]
    fn a_very_wide_interval_does_not_hide_the_others() {
        let narrow = (Some(-0.01), Some(0.02));
        let (low, high) =
            comparable(&[narrow, narrow, narrow, (Some(-5.0), Some(9.0))], &[]).unwrap();
        assert!(low > -0.2 && high < 0.2, "{low} {high}");
        // Alone it has all the room.
        let (low, high) = comparable(&[(Some(-5.0), Some(9.0))], &[]).unwrap();
        assert!(low <= -5.0 && high >= 9.0);
        assert_eq!(comparable(&[(None, None)], &[]), None);
        let (low, high) = comparable(&[(Some(0.5), None)], &[0.1]).unwrap();
        assert!(low < 0.0 && high > 0.5);
    }
}
