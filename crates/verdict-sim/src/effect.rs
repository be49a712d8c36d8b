//! What is different about a variant, as stated.

use std::str::FromStr;

use verdict_model::{Behaviour, Values};

use crate::SimError;

/// By how much a metric's mean differs from the control's.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The treatment variant; `None`: each of them.
    pub variant: Option<String>,
    /// The metric.
    pub metric: String,
    /// How large it is.
    pub size: Size,
}

/// How large an effect is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// As a share of the control's mean: 0.05 is +5%.
    Relative(f64),
    /// In the metric's unit; for units that act daily, of a day's value.
    Absolute(f64),
}

impl Size {
    /// Whether it is none.
    #[must_use]
    pub fn is_zero(self) -> bool {
        match self {
            Size::Relative(x) | Size::Absolute(x) => x == 0.0,
        }
    }
}

impl FromStr for Effect {
    type Err = SimError;

    /// Reads `METRIC=+5%`, `METRIC=-0.2` or `VARIANT:METRIC=+5%`.
    ///
    /// # Example
    /// ```
    /// use verdict_sim::{Effect, Size};
    ///
    /// let effect: Effect = "blue:revenue=-2.5%".parse()?;
    /// assert_eq!((effect.variant.as_deref(), &*effect.metric), (Some("blue"), "revenue"));
    /// assert_eq!(effect.size, Size::Relative(-0.025));
    /// # Ok::<(), verdict_sim::SimError>(())
    /// ```
    fn from_str(text: &str) -> Result<Effect, SimError> {
        let wrong = |found| SimError::Effect { text: text.to_owned(), found };
        let (name, size) = text.split_once('=').ok_or_else(|| wrong("it has no `=`"))?;
        let (variant, metric) = match name.split_once(':') {
            Some((variant, metric)) => (Some(variant.trim().to_owned()), metric.trim()),
            None => (None, name.trim()),
        };
        if metric.is_empty() || variant.as_deref() == Some("") {
            return Err(wrong("a name is empty"));
        }
        let size = size.trim();
        let (digits, percent) = match size.strip_suffix('%') {
            Some(digits) => (digits.trim(), true),
            None => (size, false),
        };
        let number: f64 = digits.parse().map_err(|_| wrong("what follows `=` is no number"))?;
        if !number.is_finite() {
            return Err(wrong("what follows `=` is not finite"));
        }
        let size = if percent { Size::Relative(number / 100.0) } else { Size::Absolute(number) };
        Ok(Effect { variant, metric: metric.to_owned(), size })
    }
}

/// The behaviour with an effect, or why it cannot have it. A ratio's effect is one on its numerator.
pub(crate) fn with_effect(behaviour: &Behaviour, size: Size) -> Result<Behaviour, &'static str> {
    let (draw, scale) = match &behaviour.values {
        Values::One(draw) => (draw, 1.0),
        Values::Ratio { numerator, denominator } => (numerator, denominator.distribution.mean()),
    };
    let mean = draw.distribution.mean();
    let wanted = match size {
        Size::Relative(_) if mean == 0.0 => {
            return Err(
                "the control's mean is 0, so that a relative effect means nothing; write it in the metric's unit",
            );
        }
        Size::Relative(share) => mean * (1.0 + share),
        Size::Absolute(by) => mean + by * scale,
    };
    let distribution = draw.distribution.with_mean(wanted).ok_or(
        "its mean would leave what the distribution allows (a rate lies between 0 and 1, amounts and counts above 0)",
    )?;
    let draw = verdict_model::Draw { distribution, ..*draw };
    let values = match behaviour.values {
        Values::One(_) => Values::One(draw),
        Values::Ratio { denominator, .. } => Values::Ratio { numerator: draw, denominator },
    };
    Ok(Behaviour { values, cumulative: behaviour.cumulative })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_are_read_as_they_are_written() {
        let read = |text: &str| text.parse::<Effect>().map_err(|e| e.to_string());
        let plain = |size| Ok(Effect { variant: None, metric: "m".to_owned(), size });
        assert_eq!(read("m=+5%"), plain(Size::Relative(0.05)));
        assert_eq!(read(" m = -0.25 "), plain(Size::Absolute(-0.25)));
        for (text, expect) in [
            ("m", "has no `=`"),
            ("m=five", "no number; write METRIC=+5%"),
            ("=5%", "a name is empty"),
            (":m=5%", "a name is empty"),
            ("m=inf", "not finite"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(expect), "{text}: {error}");
        }
    }
}
