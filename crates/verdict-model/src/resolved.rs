//! A project as text, with every default filled in.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::load::{is_odd, one_line};
use crate::{
    Aggregate, Bootstrap, Cap, Caps, Complete, Component, Cuped, Experiment, ExperimentMetric,
    Exposures, GuardrailTest, Located, Margin, Mde, Metric, MetricKind, MissingDays, OutsideDay,
    Project, Role, SequentialMethod, SeveralVariants, Source, StatisticalSettings, Storage,
    Threshold, Window, Winsorize,
};

impl Project {
    /// The project as it is understood, every default filled in: YAML that defines the same project, one
    /// document for the definitions and one for each experiment. Keys that are not in effect yet follow as
    /// comments.
    pub fn resolved_text(&self) -> String {
        self.text(Some(&self.storage))
    }

    /// The same without what no number follows from: how stores are spoken to.
    pub(crate) fn definitions_text(&self) -> String {
        self.text(None)
    }

    fn text(&self, storage: Option<&Storage>) -> String {
        let mut out = Lines::default();
        out.open("project");
        out.set("name", &quoted(&self.name));
        out.set("time_zone", self.time_zone.name());
        out.set("tables", &quoted(&self.tables.value));
        out.set("buckets", &self.buckets.to_string());
        out.close();
        if let Some(storage) = storage {
            out.storage(storage);
        }
        out.named("sources", self.sources.values(), |source| &source.name.value, Lines::source);
        out.named(
            "exposures",
            self.exposures.values(),
            |exposures| &exposures.name.value,
            Lines::exposures,
        );
        out.named("metrics", self.metrics.values(), |metric| &metric.name.value, Lines::metric);
        for experiment in &self.experiments {
            let exposures =
                experiment.exposures.as_ref().and_then(|name| self.exposures.get(&name.value));
            out.line("---");
            out.experiment(experiment, exposures);
        }
        for later in &self.later {
            out.line(&one_line(&format!("# {}: {}", later.place, later.consequence)));
        }
        out.text
    }
}

/// YAML of block style, in the making.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    fn line(&mut self, line: &str) {
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "{:1$}{line}", "", 2 * self.depth);
    }

    fn set(&mut self, key: &str, value: &str) {
        self.line(&format!("{key}: {value}"));
    }

    fn set_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.set(key, &quoted(value));
        }
    }

    fn set_number(&mut self, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.set(key, &value.to_string());
        }
    }

    fn set_located(&mut self, key: &str, value: Option<&Located<String>>) {
        self.set_text(key, value.map(|value| value.value.as_str()));
    }

    fn open(&mut self, key: &str) {
        self.line(&format!("{key}:"));
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth -= 1;
    }

    fn named<'a, T: 'a>(
        &mut self,
        section: &str,
        values: impl ExactSizeIterator<Item = &'a T>,
        name: impl Fn(&T) -> &str,
        write: impl Fn(&mut Lines, &T),
    ) {
        if values.len() == 0 {
            return;
        }
        self.open(section);
        for value in values {
            self.open(&word(name(value)));
            write(self, value);
            self.close();
        }
        self.close();
    }

    fn storage(&mut self, storage: &Storage) {
        self.open("storage");
        self.set("retries", &storage.retries.to_string());
        self.set("retry_timeout_s", &storage.retry_timeout_s.to_string());
        self.set("request_timeout_s", &storage.request_timeout_s.to_string());
        self.set("connect_timeout_s", &storage.connect_timeout_s.to_string());
        self.set("max_requests", &storage.max_requests.to_string());
        self.set_number("run_timeout_s", storage.run_timeout_s);
        if !storage.options.is_empty() {
            self.open("options");
            for (store, options) in &storage.options {
                self.open(&word(store));
                for (option, value) in options {
                    self.set_located(&word(option), Some(value));
                }
                self.close();
            }
            self.close();
        }
        self.close();
    }

    fn source(&mut self, source: &Source) {
        self.set_located("path", Some(&source.path));
        self.set_located("timestamp", Some(&source.timestamp));
        self.open("units");
        for (unit, expression) in &source.units {
            self.set_located(&word(unit), Some(expression));
        }
        self.close();
        self.set_located("filter", source.filter.as_ref());
        let outside_day = match source.outside_day {
            OutsideDay::Keep => "keep",
            OutsideDay::Reject => "reject",
        };
        self.set("outside_day", outside_day);
        let missing_days = match source.missing_days {
            MissingDays::Error => "error",
            MissingDays::Allow => "allow",
        };
        self.set("missing_days", missing_days);
        let complete = &source.complete;
        if !complete.asks_nothing() {
            self.open("complete");
            self.set_located("marker", complete.marker.as_ref());
            self.set_number("min_rows_share", complete.min_rows_share);
            let latest = complete.latest.map(|time| time.format(Complete::TIME).to_string());
            self.set_text("latest", latest.as_deref());
            self.close();
        }
    }

    fn exposures(&mut self, exposures: &Exposures) {
        self.set_located("source", Some(&exposures.source));
        self.set_located("filter", exposures.filter.as_ref());
        self.set_located("experiment", exposures.experiment.as_ref());
        self.set_located("variant", Some(&exposures.variant));
        if !exposures.segments.is_empty() {
            self.open("segments");
            for (segment, expression) in &exposures.segments {
                self.set_located(&word(segment), Some(expression));
            }
            self.close();
        }
    }

    fn metric(&mut self, metric: &Metric) {
        self.set("type", metric.kind.word());
        self.set_text("description", metric.description.as_deref());
        self.window(metric.window);
        match &metric.kind {
            MetricKind::Proportion(component)
            | MetricKind::Retention(component)
            | MetricKind::Mean(component)
            | MetricKind::Superiority(component)
            | MetricKind::Categorical(component) => self.component(component),
            MetricKind::Reaches { component, at_least } => {
                self.component(component);
                self.set("at_least", &at_least.to_string());
            }
            MetricKind::Quantile { component, quantile } => {
                self.set("quantile", &quantile.to_string());
                let of_rows = component.aggregate == Aggregate::Values;
                self.set("of", if of_rows { "events" } else { "units" });
                self.component(component);
            }
            MetricKind::Ratio { numerator, denominator } => {
                self.open("numerator");
                self.component(numerator);
                self.close();
                self.open("denominator");
                self.component(denominator);
                self.close();
            }
        }
        if metric.cuped.is_some() {
            self.cuped(metric.cuped);
        }
        if metric.winsorize.is_some() {
            self.winsorize(metric.winsorize);
        }
        if metric.bootstrap.is_some() {
            self.bootstrap(metric.bootstrap);
        }
    }

    fn bootstrap(&mut self, bootstrap: Option<Bootstrap>) {
        let Some(Bootstrap { interval, replicates, seed }) = bootstrap else {
            return self.set("bootstrap", "none");
        };
        self.open("bootstrap");
        self.set("interval", interval.word());
        self.set("replicates", &replicates.to_string());
        self.set("seed", &seed.to_string());
        self.close();
    }

    fn winsorize(&mut self, winsorize: Option<Winsorize>) {
        let Some(Winsorize { x, y, ratio }) = winsorize else {
            return self.set("winsorize", "none");
        };
        self.open("winsorize");
        if ratio {
            for (key, caps) in [("numerator", x), ("denominator", y)] {
                if caps.any() {
                    self.open(key);
                    self.caps(caps);
                    self.close();
                } else {
                    self.set(key, "{}");
                }
            }
        } else {
            self.caps(x);
        }
        self.close();
    }

    fn caps(&mut self, caps: Caps) {
        for (key, cap) in [("lower", caps.lower), ("upper", caps.upper)] {
            match cap {
                None => {}
                Some(Cap::Fixed(at)) => self.set(key, &at.to_string()),
                Some(Cap::Percentile(at)) => {
                    self.set(&format!("{key}_percentile"), &at.to_string())
                }
            }
        }
    }

    fn cuped(&mut self, cuped: Option<Cuped>) {
        match cuped {
            None => self.set("cuped", "none"),
            Some(Cuped { lookback_days }) => {
                self.open("cuped");
                self.set("lookback_days", &lookback_days.to_string());
                self.close();
            }
        }
    }

    fn window(&mut self, window: Option<Window>) {
        if let Some(Window { start, end }) = window {
            self.open("window");
            self.set("start", &start.to_string());
            self.set("end", &end.to_string());
            self.close();
        }
    }

    fn component(&mut self, component: &Component) {
        self.set_located("source", Some(&component.source));
        self.set_located("filter", component.filter.as_ref());
        self.set_located("value", component.value.as_ref());
        if component.aggregate != Aggregate::Values {
            self.set("aggregate", component.aggregate.word());
        }
    }

    fn experiment(&mut self, experiment: &Experiment, exposures: Option<&Exposures>) {
        self.open("experiment");
        self.set_located("name", Some(&experiment.name));
        self.set_text("hypothesis", experiment.hypothesis.as_deref());
        self.set_text("owner", experiment.owner.as_deref());
        for (key, date) in [("start", experiment.start), ("end", experiment.end)] {
            if let Some(date) = date {
                self.set(key, &date.to_string());
            }
        }
        let design = &experiment.design;
        self.open("design");
        self.set("type", if design.arms.len() == 2 { "two_arm_ab" } else { "multi_arm" });
        self.set_located("unit", Some(&design.unit));
        self.set_located("control", Some(&design.control));
        self.open("variants");
        for arm in &design.arms {
            self.set(&quoted(&arm.name), &arm.weight.to_string());
        }
        self.close();
        let several_variants = match design.several_variants {
            SeveralVariants::Exclude => "exclude",
            SeveralVariants::First => "first",
        };
        self.set("several_variants", several_variants);
        self.set_located("cluster", design.cluster.as_ref());
        if !design.phases.is_empty() {
            self.open("phases");
            for phase in &design.phases {
                self.open(&phase.from.to_string());
                for (arm, weight) in design.arms.iter().zip(&phase.weights) {
                    self.set(&quoted(&arm.name), &weight.to_string());
                }
                self.close();
            }
            self.close();
        }
        self.close();
        self.exposures_of(experiment, exposures);
        if !experiment.segments.is_empty() {
            let names = experiment.segments.iter().map(|segment| segment_text(&segment.value));
            let names: Vec<String> = names.collect();
            self.set("segments", &format!("[{}]", names.join(", ")));
            self.set("segment_values", &experiment.segment_values.to_string());
        }
        self.window(experiment.window);
        if let Some(days) = experiment.pre_period_check {
            self.open("pre_period_check");
            self.set("days", &days.to_string());
            self.close();
        }
        self.open("metrics");
        self.open("primary");
        self.judged(&experiment.primary);
        self.close();
        for (key, metrics) in
            [("guardrails", &experiment.guardrails), ("secondary", &experiment.secondary)]
        {
            if metrics.is_empty() {
                continue;
            }
            self.open(key);
            for metric in metrics {
                self.line("-");
                self.depth += 1;
                self.judged(metric);
                self.close();
            }
            self.close();
        }
        self.close();
        self.settings(&experiment.settings);
        self.open("guardrail_settings");
        let settings = &experiment.guardrail_settings;
        self.set("alpha", &settings.alpha.to_string());
        self.set("correction", settings.correction.word());
        self.set("auto_stop_on_violation", &settings.auto_stop_on_violation.to_string());
        self.close();
        self.close();
    }

    fn settings(&mut self, settings: &StatisticalSettings) {
        self.open("statistical_settings");
        self.set("alpha", &settings.alpha.to_string());
        self.set("power", &settings.power.to_string());
        self.set("correction", settings.correction.word());
        self.set("sequential", &(settings.sequential != SequentialMethod::None).to_string());
        self.set("sequential_method", settings.sequential.word());
        self.set_number("msprt_tau", settings.tau);
        self.set_number("confidence_sequence_tuning", settings.confidence_sequence_tuning);
        self.set("look_every_days", &settings.look_every_days.to_string());
        self.set_number("max_duration_days", settings.max_duration_days);
        self.set_number("min_duration_days", settings.min_duration_days);
        self.set("practical", settings.practical.word());
        self.set("show_interim", &settings.show_interim.to_string());
        self.set("sample_ratio_alpha", &settings.sample_ratio_alpha.to_string());
        self.close();
    }

    fn exposures_of(&mut self, experiment: &Experiment, exposures: Option<&Exposures>) {
        // Exposures that do not tell experiments apart have nothing to compare a key with.
        let key = match exposures {
            Some(exposures) => exposures.experiment.is_some(),
            None => experiment.key != experiment.name.value,
        };
        if key || experiment.exposures.is_some() {
            self.open("exposures");
            self.set_located("from", experiment.exposures.as_ref());
            self.set_text("key", key.then_some(experiment.key.as_str()));
            self.close();
        }
    }

    fn judged(&mut self, metric: &ExperimentMetric) {
        self.set_located("name", Some(&metric.name));
        if let Some(declared) = metric.declared {
            self.set("type", declared.word());
        }
        self.set("direction", metric.direction.word());
        if let Some(baseline) = metric.baseline {
            self.set("baseline", &baseline.to_string());
        }
        match metric.mde {
            Some(Mde::Relative(mde)) => self.set("mde_relative", &mde.to_string()),
            Some(Mde::Absolute(mde)) => self.set("mde_absolute", &mde.to_string()),
            None => {}
        }
        self.cuped(metric.cuped);
        self.winsorize(metric.winsorize);
        self.bootstrap(metric.bootstrap);
        let by = metric.post_stratify.as_deref().map(segment_text);
        self.set("post_stratify", by.as_deref().unwrap_or("none"));
        if metric.role != Role::Guardrail {
            return;
        }
        match metric.test {
            GuardrailTest::Deterioration => self.set("test", "deterioration"),
            GuardrailTest::NonInferiority(margin) => {
                self.set("test", "non_inferiority");
                match margin {
                    Margin::Relative(margin) => self.set("margin_relative", &margin.to_string()),
                    Margin::Absolute(margin) => self.set("margin_absolute", &margin.to_string()),
                }
            }
        }
        if let Some(Threshold { level, unit }) = &metric.threshold {
            let key = unit
                .as_ref()
                .map_or_else(|| "threshold".to_owned(), |unit| format!("threshold_{unit}"));
            self.set(&word(&key), &level.to_string());
        }
    }
}

/// A segment as a file names it: a cross is a list.
fn segment_text(segment: &str) -> String {
    let names: Vec<_> = crate::experiment::parts(segment).map(word).collect();
    match &names[..] {
        [one] => one.to_string(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// A name, which needs no quotes unless YAML would take it for nothing.
fn word(name: &str) -> Cow<'_, str> {
    if name.eq_ignore_ascii_case("null") { quoted(name).into() } else { name.into() }
}

/// A text in YAML's double quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_odd(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
