//! How an experiment's metrics are judged, and when.

/// A correction for several tests of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// None.
    None,
    /// Bonferroni.
    Bonferroni,
    /// Holm 1979.
    Holm,
    /// Hochberg 1988.
    Hochberg,
    /// Benjamini & Hochberg 1995.
    BenjaminiHochberg,
    /// Benjamini & Yekutieli 2001.
    BenjaminiYekutieli,
}

impl Correction {
    /// Every correction, with the word that a file names it by.
    pub const WORDS: [(&'static str, Correction); 6] = [
        ("none", Correction::None),
        ("bonferroni", Correction::Bonferroni),
        ("holm", Correction::Holm),
        ("hochberg", Correction::Hochberg),
        ("benjamini_hochberg", Correction::BenjaminiHochberg),
        ("benjamini_yekutieli", Correction::BenjaminiYekutieli),
    ];

    /// The word that a file names it by.
    pub fn word(self) -> &'static str {
        match self {
            Correction::None => "none",
            Correction::Bonferroni => "bonferroni",
            Correction::Holm => "holm",
            Correction::Hochberg => "hochberg",
            Correction::BenjaminiHochberg => "benjamini_hochberg",
            Correction::BenjaminiYekutieli => "benjamini_yekutieli",
        }
    }
}

/// How an experiment may be looked at before its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SequentialMethod {
    /// Not at all: one test, at the planned end where there is one.
    #[default]
    None,
    /// At any look: the normal-mixture sequential probability ratio test.
    Msprt,
    /// At any look: an asymptotic confidence sequence.
    ConfidenceSequence,
    /// At the looks of the plan: O'Brien-Fleming-type spending.
    ObrienFleming,
    /// At the looks of the plan: Pocock-type spending.
    Pocock,
}

impl SequentialMethod {
    /// Every method, with the word that a file names it by.
    pub const WORDS: [(&'static str, SequentialMethod); 5] = [
        ("msprt", SequentialMethod::Msprt),
        ("confidence_sequence", SequentialMethod::ConfidenceSequence),
        ("obrien_fleming", SequentialMethod::ObrienFleming),
        ("pocock", SequentialMethod::Pocock),
        ("none", SequentialMethod::None),
    ];

    /// The word that a file names it by.
    pub fn word(self) -> &'static str {
        match self {
            SequentialMethod::None => "none",
            SequentialMethod::Msprt => "msprt",
            SequentialMethod::ConfidenceSequence => "confidence_sequence",
            SequentialMethod::ObrienFleming => "obrien_fleming",
            SequentialMethod::Pocock => "pocock",
        }
    }

    /// Whether it spends alpha over a planned duration.
    pub fn is_group_sequential(self) -> bool {
        matches!(self, SequentialMethod::ObrienFleming | SequentialMethod::Pocock)
    }
}

/// What of a significant gain is held against the smallest effect of interest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Practical {
    /// The point estimate.
    #[default]
    Point,
    /// The end of the interval that is nearest to no gain.
    Interval,
}

impl Practical {
    /// `point` or `interval`.
    pub fn word(self) -> &'static str {
        match self {
            Practical::Point => "point",
            Practical::Interval => "interval",
        }
    }
}

/// How primary and secondary metrics are judged, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct StatisticalSettings {
    /// Two-sided level over all looks together; in (0, 1), default 0.05.
    pub alpha: f64,
    /// The power at which an achievable effect is stated; in (0, 1), default 0.8.
    pub power: f64,
    /// The correction within each family of primary and of secondary tests; default Benjamini–Hochberg. Over several
    /// variants of the primary metric, one that bounds the share of false findings gives way to Holm's.
    pub correction: Correction,
    /// The level of the sample-ratio test; in (0, 1), default 0.001.
    pub sample_ratio_alpha: f64,
    /// How the looks before the end are tested; default not at all.
    pub sequential: SequentialMethod,
    /// Standard deviation of the mixture of mSPRT for the primary metric, in its unit; `None`: its smallest effect
    /// of interest, and without one the value that is best at the planned end.
    pub tau: Option<f64>,
    /// Units of two variants together at which a confidence sequence is tightest; `None`: those that the first
    /// look makes expected at the planned end.
    pub confidence_sequence_tuning: Option<f64>,
    /// Days from look to look, at least 1 (the default).
    pub look_every_days: u32,
    /// Days from the start before which nothing is decided, at least 1; `None`: no such days.
    pub min_duration_days: Option<u32>,
    /// Days from the start by which it is decided, at least 1; `None`: it has no planned end but `end`.
    pub max_duration_days: Option<u32>,
    /// What is held against the smallest effect of interest.
    pub practical: Practical,
    /// Whether a fixed-horizon test shows p-values before the planned end, where they do not hold.
    pub show_interim: bool,
}

impl Default for StatisticalSettings {
    /// What holds where a file says nothing.
    fn default() -> Self {
        Self {
            alpha: 0.05,
            power: 0.8,
            correction: Correction::BenjaminiHochberg,
            sample_ratio_alpha: 0.001,
            sequential: SequentialMethod::None,
            tau: None,
            confidence_sequence_tuning: None,
            look_every_days: 1,
            min_duration_days: None,
            max_duration_days: None,
            practical: Practical::Point,
            show_interim: false,
        }
    }
}

/// How guardrails are judged.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardrailSettings {
    /// One-sided level of their tests; in (0, 1), default the experiment's alpha.
    pub alpha: f64,
    /// The correction over the tests for deterioration; default Bonferroni. Non-inferiority is never corrected:
    /// every such guardrail has to pass.
    pub correction: Correction,
    /// Whether a violated guardrail stops the experiment; default false.
    pub auto_stop_on_violation: bool,
}

/// How a guardrail is tested against the control.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum GuardrailTest {
    /// For harm: violated when the variant is significantly worse.
    #[default]
    Deterioration,
    /// For the absence of harm: passed when a loss of the margin is excluded.
    NonInferiority(Margin),
}

/// How much worse a guardrail may be and still pass; positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// As a share of the control's level (0.01 = 1%).
    Relative(f64),
    /// In the metric's own unit.
    Absolute(f64),
}

/// A limit on the variant's own level, in the metric's unit: an upper one where lower is better, a lower one where
/// higher is better.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The limit.
    pub level: f64,
    /// The unit that the key names: `ms` for `threshold_ms`.
    pub unit: Option<String>,
}
