//! The words, marks and order of decisions, and how far an experiment has come.

use verdict_model::NaiveDate;

use crate::Judged;

/// How good the news is: the colour and, since colour alone may say nothing, the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tone {
    Good,
    Bad,
    Alarm,
    Neutral,
    Open,
}

impl Tone {
    /// The class in style sheets.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Alarm => "alarm",
            Tone::Neutral => "neutral",
            Tone::Open => "open",
        }
    }

    /// The mark beside the words.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Tone::Good => "✓",
            Tone::Bad => "✕",
            Tone::Alarm => "!",
            Tone::Neutral => "=",
            Tone::Open => "…",
        }
    }
}

/// A decision in words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The word itself, as a headline.
    pub(crate) headline: &'static str,
    /// What it means, in a sentence.
    pub(crate) meaning: &'static str,
    pub(crate) tone: Tone,
}

/// The words of a decision's code; an unknown code has no meaning here, and is shown as it is.
pub(crate) fn word(decision: &str) -> Option<Word> {
    let (headline, meaning, tone) = match decision {
        "ship" => (
            "Ship",
            "The variant is better, by enough to matter, and nothing stands against it.",
            Tone::Good,
        ),
        "dont_ship" => (
            "Don't ship",
            "The variant is worse, or does harm, or has not been shown to do none.",
            Tone::Bad,
        ),
        "inconclusive" => {
            ("Inconclusive", "The experiment ended without showing a difference.", Tone::Neutral)
        }
        "stat_sig_not_practical" => (
            "Significant, but not worth it",
            "There is a gain, and it is not shown to be as large as the smallest one of interest.",
            Tone::Neutral,
        ),
        "continue" => ("Continue", "It is too early to say.", Tone::Open),
        "stop_guardrail" => {
            ("Stop", "A guardrail is violated: the variant does harm.", Tone::Alarm)
        }
        "invalid" => {
            ("Invalid", "A check failed: no number can be trusted before it passes.", Tone::Alarm)
        }
        _ => return None,
    };
    Some(Word { headline, meaning, tone })
}

/// The order in which the decisions of several variants ask to be seen: the first is told first.
pub(crate) fn rank(decision: &str) -> usize {
    let order = [
        "invalid",
        "stop_guardrail",
        "ship",
        "dont_ship",
        "stat_sig_not_practical",
        "inconclusive",
        "continue",
    ];
    order.iter().position(|code| *code == decision).unwrap_or(order.len())
}

/// How far an experiment has come on its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The days that have passed, the as-of date among them; `None`: nobody says when it began.
    pub(crate) day: Option<i64>,
    /// The planned days.
    pub(crate) of: Option<i64>,
    /// Days from the as-of date to the planned end; 0 or less: it has ended.
    pub(crate) left: Option<i64>,
    /// The planned end.
    pub(crate) last: Option<NaiveDate>,
}

impl Progress {
    pub(crate) fn of(judged: &Judged) -> Progress {
        let Judged { experiment, as_of, .. } = judged;
        let Some(first) = experiment.start.or_else(|| first_look(judged)) else {
            let left = experiment.end.map(|end| (end - *as_of).num_days());
            return Progress { day: None, of: None, left, last: experiment.end };
        };
        let schedule = experiment.schedule(first);
        let last = schedule.last();
        Progress {
            day: Some(schedule.days(*as_of)),
            of: last.map(|last| schedule.days(last)),
            left: last.map(|last| (last - *as_of).num_days()),
            last,
        }
    }

    /// `day 12 of 28`, `ended`, `16 days left`.
    pub(crate) fn words(self) -> String {
        match (self.left, self.day, self.of) {
            (Some(left), ..) if left <= 0 => "ended".to_owned(),
            (Some(1), ..) => "1 day left".to_owned(),
            (Some(left), ..) => format!("{left} days left"),
            (None, Some(day), _) if day < 1 => "not begun".to_owned(),
            (None, Some(1), _) => "day 1, no planned end".to_owned(),
            (None, Some(day), _) => format!("day {day}, no planned end"),
            (None, None, _) => "no planned end".to_owned(),
        }
    }
}

/// Without a `start` the share of the planned days tells nothing by itself: the first day is the first look's.
fn first_look(judged: &Judged) -> Option<NaiveDate> {
    let row = judged.results.first()?;
    let (look, ds) = (row.look?, row.look_ds?);
    let days = u64::try_from(look)
        .ok()?
        .checked_mul(u64::from(judged.experiment.settings.look_every_days))?;
    ds.checked_sub_days(chrono::Days::new(days.saturating_sub(1)))
}
