//! Faults that a log can be given, each as a check should find it.

use std::fmt;
use std::str::FromStr;

/// A planted fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plant {
    /// This share of the last arm's units on android is never logged as exposed, from the experiment's sixth day (day 5)
    /// on: a sample-ratio mismatch within one platform.
    LostUnits(f64),
    /// Units of every arm but the control order more by this share on the day of their exposure, and the surplus halves
    /// with every day after it: a novelty effect.
    Novelty(f64),
    /// On web, where orders are three times as frequent, the control takes 80% of the units, elsewhere 20%; in both, the
    /// treatment is better by this share: over all units it looks worse (Simpson's paradox).
    Simpson(f64),
    /// Units that are in the last arm of the first and of the second experiment order less by this share.
    Interaction(f64),
    /// One unit of the first experiment's last arm orders this many times a day.
    Bot(u32),
}

impl Plant {
    /// The words that name a fault, with what its number is.
    pub const WORDS: [(&'static str, &'static str); 5] = [
        ("lost_units", "share of units, 0.01"),
        ("novelty", "share by which orders rise at first, 0.5"),
        ("simpson", "share by which the treatment is better, 0.1"),
        ("interaction", "share by which orders fall, 0.3"),
        ("bot", "orders a day, 2000"),
    ];
}

impl fmt::Display for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plant::LostUnits(share) => write!(f, "lost_units={share}"),
            Plant::Novelty(share) => write!(f, "novelty={share}"),
            Plant::Simpson(share) => write!(f, "simpson={share}"),
            Plant::Interaction(share) => write!(f, "interaction={share}"),
            Plant::Bot(orders) => write!(f, "bot={orders}"),
        }
    }
}

impl FromStr for Plant {
    type Err = String;

    /// `lost_units=0.01`, as [`Plant::WORDS`] names them.
    fn from_str(text: &str) -> Result<Plant, String> {
        let known = || {
            let words: Vec<String> = Plant::WORDS
                .iter()
                .map(|(word, number)| format!("{word}=NUMBER ({number})"))
                .collect();
            words.join(", ")
        };
        let (word, number) =
            text.split_once('=').ok_or_else(|| format!("expected one of {}", known()))?;
        let share = || match number.trim().parse::<f64>() {
            Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
            _ => Err(format!("`{number}` is no share between 0 and 1")),
        };
        match word.trim() {
            "lost_units" => share().map(Plant::LostUnits),
            "novelty" => share().map(Plant::Novelty),
            "simpson" => share().map(Plant::Simpson),
            "interaction" => share().map(Plant::Interaction),
            "bot" => match number.trim().parse() {
                Ok(orders) if (1..=1_000_000).contains(&orders) => Ok(Plant::Bot(orders)),
                _ => Err(format!("`{number}` is no number of orders from 1 to 1000000")),
            },
            word => Err(format!("there is no fault `{word}`; expected one of {}", known())),
        }
    }
}
