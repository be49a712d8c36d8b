//! What is to be generated.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};

use crate::{GenerateError, Plant};

/// A log to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The first day.
    pub from: NaiveDate,
    /// How many days, at least 1.
    pub days: u32,
    /// How many units there are; some never come.
    pub users: u32,
    /// Mean number of events of a unit on a day on which it comes, above 1.
    pub events_per_visit: f64,
    /// Another seed gives other units.
    pub seed: u64,
    /// The experiments.
    pub experiments: Vec<Planned>,
    /// Planted faults.
    pub plants: Vec<Plant>,
}

/// An experiment of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Its name, as exposures have it.
    pub name: String,
    /// The day of the log on which it begins, from 0.
    pub start: u32,
    /// The share of units that take part, from 0 to 1.
    pub share: f64,
    /// Its arms, the control first, of equal weight.
    pub arms: Vec<Arm>,
}

/// An arm and what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Planted effects, each a share: 0.05 is 5% more.
    pub effects: Vec<(Quantity, f64)>,
}

/// What an effect changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// The chance that an event is an order.
    Orders,
    /// The chance that an event is a click.
    Clicks,
    /// The amount of an order.
    Amount,
    /// A latency.
    Latency,
}

impl Quantity {
    /// All, with their words.
    pub const WORDS: [(&'static str, Quantity); 4] = [
        ("orders", Quantity::Orders),
        ("clicks", Quantity::Clicks),
        ("amount", Quantity::Amount),
        ("latency", Quantity::Latency),
    ];
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Quantity::WORDS.iter().find(|(_, quantity)| quantity == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// An effect to plant: `new_checkout:treatment:orders=+5%`.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The experiment.
    pub experiment: String,
    /// The arm.
    pub arm: String,
    /// What it changes.
    pub quantity: Quantity,
    /// By which share.
    pub share: f64,
}

impl FromStr for Effect {
    type Err = String;

    fn from_str(text: &str) -> Result<Effect, String> {
        let form = || {
            "expected EXPERIMENT:VARIANT:QUANTITY=+5% (orders, clicks, amount, latency)".to_owned()
        };
        let (names, share) = text.split_once('=').ok_or_else(form)?;
        let names: Vec<&str> = names.split(':').map(str::trim).collect();
        let [experiment, arm, quantity] = names[..] else { return Err(form()) };
        let found = Quantity::WORDS.iter().find(|(word, _)| *word == quantity);
        let (_, quantity) =
            found.ok_or_else(|| format!("there is no quantity `{quantity}`: {}", form()))?;
        let number = share.trim().strip_suffix('%').ok_or_else(form)?;
        match number.trim().parse::<f64>() {
            Ok(percent) if percent > -100.0 && percent <= 1000.0 => Ok(Effect {
                experiment: experiment.to_owned(),
                arm: arm.to_owned(),
                quantity: *quantity,
                share: percent / 100.0,
            }),
            _ => Err(format!("`{share}` is no change between -100% and +1000%")),
        }
    }
}

impl Spec {
    /// Two weeks of a shop with three experiments: a checkout that sells more, shipping for free in two ways of which one
    /// costs more than it brings, and a comparison of nothing with nothing.
    pub fn shop(from: NaiveDate) -> Spec {
        let arm = |name: &str, effects: &[(Quantity, f64)]| Arm {
            name: name.into(),
            effects: effects.to_vec(),
        };
        let planned =
            |name: &str, start, share, arms| Planned { name: name.into(), start, share, arms };
        Spec {
            from,
            days: 14,
            users: 20_000,
            events_per_visit: 12.0,
            seed: 1,
            experiments: vec![
                planned(
                    "new_checkout",
                    0,
                    1.0,
                    vec![arm("control", &[]), arm("treatment", &[(Quantity::Orders, 0.12)])],
                ),
                planned(
                    "free_shipping",
                    2,
                    0.6,
                    vec![
                        arm("control", &[]),
                        arm("from_50", &[(Quantity::Orders, 0.05), (Quantity::Amount, 0.08)]),
                        arm("always", &[(Quantity::Amount, -0.15)]),
                    ],
                ),
                planned("nothing_new", 0, 1.0, vec![arm("control", &[]), arm("same", &[])]),
            ],
            plants: Vec::new(),
        }
    }

    /// Adds an effect, or puts it in the place of the one that is there.
    ///
    /// # Errors
    /// There is no such experiment or arm; the control has no effect.
    pub fn plant_effect(&mut self, effect: &Effect) -> Result<(), GenerateError> {
        let names: Vec<&str> = self.experiments.iter().map(|e| e.name.as_str()).collect();
        let unknown = || {
            GenerateError::Spec(format!(
                "there is no experiment `{}` (the log has: {})",
                effect.experiment,
                names.join(", ")
            ))
        };
        let at = names.iter().position(|name| *name == effect.experiment).ok_or_else(unknown)?;
        let arms = &mut self.experiments[at].arms;
        let treated: Vec<String> = arms.iter().skip(1).map(|arm| arm.name.clone()).collect();
        let Some(arm) = arms.iter_mut().skip(1).find(|arm| arm.name == effect.arm) else {
            return Err(GenerateError::Spec(format!(
                "`{}` is no treatment of `{}` (it has: {})",
                effect.arm,
                effect.experiment,
                treated.join(", ")
            )));
        };
        arm.effects.retain(|(quantity, _)| *quantity != effect.quantity);
        arm.effects.push((effect.quantity, effect.share));
        Ok(())
    }

    /// The date of a day of the log.
    pub(crate) fn date(&self, day: u32) -> NaiveDate {
        self.from.checked_add_days(Days::new(day.into())).unwrap_or(self.from)
    }

    pub(crate) fn check(&self) -> Result<(), GenerateError> {
        let wrong = |what: String| Err(GenerateError::Spec(what));
        if !(1..=3660).contains(&self.days) {
            return wrong(format!("{} days: from 1 to 3660 can be generated", self.days));
        }
        if self.from.checked_add_days(Days::new(self.days.into())).is_none() {
            return wrong(format!("there are no {} days after {}", self.days, self.from));
        }
        if !(1..=100_000_000).contains(&self.users) {
            return wrong(format!("{} users: from 1 to 100000000 can be generated", self.users));
        }
        if !(1.0..=10_000.0).contains(&self.events_per_visit) {
            return wrong(format!(
                "{} events a visit: it is a mean from 1 to 10000",
                self.events_per_visit
            ));
        }
        let joint = self.plants.iter().any(|plant| matches!(plant, Plant::Interaction(_)));
        if joint && self.experiments.len() < 2 {
            return wrong("an interaction takes two experiments".into());
        }
        Ok(())
    }
}
