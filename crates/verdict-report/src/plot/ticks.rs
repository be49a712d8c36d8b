//! Ticks at round numbers: steps of 1, 2 or 5 times a power of ten.

use verdict_analysis::words::number;

/// Round numbers of a domain, with as many decimals as tell them apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ticks {
    /// The numbers, ascending.
    pub(crate) at: Vec<f64>,
    decimals: usize,
}

/// About `wanted` ticks inside a domain; fewer where the domain is not one.
pub(crate) fn ticks(low: f64, high: f64, wanted: usize) -> Ticks {
    let width = high - low;
    if !(width.is_finite() && width > 0.0) || wanted == 0 {
        return Ticks { at: Vec::new(), decimals: 0 };
    }
    let rough = width / wanted as f64;
    let power = rough.log10().floor();
    let unit = 10f64.powf(power);
    // The nearest of the round factors, as ratios go.
    let factor = match rough / unit {
        x if x >= 50f64.sqrt() => 10.0,
        x if x >= 10f64.sqrt() => 5.0,
        x if x >= 2f64.sqrt() => 2.0,
        _ => 1.0,
    };
    let step = factor * unit;
    let exponent = step.log10().floor() as i32;
    let decimals = usize::try_from(-exponent).unwrap_or(0);
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    // Multiples of whole numbers rather than sums of steps: 0.1 three times is 0.3.
    let power = 10f64.powi(exponent.abs());
    let digit = factor.rem_euclid(9.0);
    let round = |multiple: f64| match exponent < 0 {
        true => multiple * digit / power,
        false => multiple * digit * power,
    };
    let count = (last - first).max(-1.0) as usize;
    let at = (0..=count).take_while(|_| last >= first).map(|i| round(first + i as f64)).collect();
    Ticks { at, decimals }
}

impl Ticks {
    /// A tick in the numbers' own unit.
    pub(crate) fn plain(&self, x: f64) -> String {
        number(x, self.decimals)
    }

    /// A tick of a share, in percent.
    pub(crate) fn percent(&self, x: f64) -> String {
        format!("{}%", number(100.0 * x, self.decimals.saturating_sub(2)))
    }

    /// A tick of a change, in percent, with its sign.
    pub(crate) fn change(&self, x: f64) -> String {
        let text = self.percent(x);
        if x > 0.0 { format!("+{text}") } else { text.replace('-', "−") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(low: f64, high: f64, wanted: usize, expect: &[f64]) {
        assert_eq!(ticks(low, high, wanted).at, expect, "{low} to {high}");
    }

    #[test]
    fn ticks_are_round() {
        check(0.0, 10.0, 5, &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        check(-0.12, 0.31, 5, &[-0.1, 0.0, 0.1, 0.2, 0.3]);
        check(3.0, 98.0, 4, &[20.0, 40.0, 60.0, 80.0]);
        check(0.0, 0.3, 3, &[0.0, 0.1, 0.2, 0.3]);
        check(-1e-7, 1e-7, 2, &[-1e-7, 0.0, 1e-7]);
        check(1e9, 5e9, 4, &[1e9, 2e9, 3e9, 4e9, 5e9]);
    }

    #[test]
    fn no_domain_has_no_ticks() {
        check(1.0, 1.0, 5, &[]);
        check(2.0, 1.0, 5, &[]);
        check(f64::NAN, 1.0, 5, &[]);
        check(0.0, f64::INFINITY, 5, &[]);
    }

    #[test]
    fn ticks_have_the_decimals_that_tell_them_apart() {
        let ticks = ticks(-0.004, 0.011, 5);
        assert_eq!(ticks.plain(0.005), "0.005");
        assert_eq!((ticks.change(0.005), ticks.change(-0.005)), ("+0.5%".into(), "−0.5%".into()));
        assert_eq!(super::ticks(0.0, 1.0, 5).percent(0.2), "20%");
        assert_eq!(super::ticks(0.0, 5000.0, 5).plain(2000.0), "2,000");
    }
}
