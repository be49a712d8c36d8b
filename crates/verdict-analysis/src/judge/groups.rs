//! The group statistics of one experiment, to be looked up by metric, variant and segment.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use verdict_model::rows::{GroupStat, SEVERAL_VARIANTS, WHOLE};
use verdict_model::{Experiment, NaiveDate};

/// Metric, variant, segment dimension, value.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

/// The rows of one experiment and as-of date.
#[derive(Default)]
pub(super) struct Groups<'a> {
    rows: BTreeMap<Key<'a>, &'a GroupStat>,
    /// Groups that more than one row claims to be; the first row is used.
    pub(super) repeated: BTreeSet<Key<'a>>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(experiment: &Experiment, ds: NaiveDate, stats: &'a [GroupStat]) -> Groups<'a> {
        let mut groups = Groups::default();
        stats
            .iter()
            .filter(|row| row.experiment == experiment.name.value && row.ds == ds)
            .for_each(|row| groups.add(row));
        groups
    }

    /// The rows of one experiment up to an as-of date, by day.
    pub(super) fn by_day(
        experiment: &Experiment,
        up_to: NaiveDate,
        stats: &'a [GroupStat],
    ) -> BTreeMap<NaiveDate, Groups<'a>> {
        let mut days: BTreeMap<NaiveDate, Groups<'a>> = BTreeMap::new();
        stats
            .iter()
            .filter(|row| row.experiment == experiment.name.value && row.ds <= up_to)
            .for_each(|row| days.entry(row.ds).or_default().add(row));
        days
    }

    fn add(&mut self, row: &'a GroupStat) {
        let key = (&*row.metric, &*row.variant, &*row.segment, &*row.segment_value);
        match self.rows.entry(key) {
            Entry::Vacant(place) => {
                place.insert(row);
            }
            Entry::Occupied(_) => {
                self.repeated.insert(key);
            }
        }
    }

    /// Whether there is no row at all.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn get(
        &self,
        metric: &str,
        variant: &str,
        segment: &str,
        value: &str,
    ) -> Option<&'a GroupStat> {
        self.rows.get(&(metric, variant, segment, value)).copied()
    }

    pub(super) fn whole(&self, metric: &str, variant: &str) -> Option<&'a GroupStat> {
        self.get(metric, variant, WHOLE, WHOLE)
    }

    /// The row that counts the units that met `variant` first, before any exclusion.
    pub(super) fn exposed(&self, variant: &str) -> Option<&'a GroupStat> {
        self.whole(SEVERAL_VARIANTS, variant)
    }

    /// The rows of one metric, variant and segment dimension: one a value.
    pub(super) fn values_of(
        &self,
        metric: &str,
        variant: &str,
        segment: &str,
    ) -> impl Iterator<Item = &'a GroupStat> {
        self.rows.values().copied().filter(move |row| {
            row.metric == metric && row.variant == variant && row.segment == segment
        })
    }

    /// The values of a segment dimension that any configured metric has in any arm, sorted.
    pub(super) fn segment_values(
        &self,
        experiment: &Experiment,
        segment: &str,
    ) -> BTreeSet<&'a str> {
        let metrics: BTreeSet<&str> = experiment.metrics().map(|m| &*m.name.value).collect();
        let arms: BTreeSet<&str> = experiment.design.arms.iter().map(|arm| &*arm.name).collect();
        self.rows
            .keys()
            .filter(|key| key.2 == segment && metrics.contains(key.0) && arms.contains(key.1))
            .map(|key| key.3)
            .collect()
    }

    /// The values of a segment that a metric has in any variant, sorted.
    pub(super) fn values(&self, metric: &str, segment: &str) -> Vec<&'a str> {
        let own = self.rows.keys().filter(|key| key.0 == metric && key.2 == segment);
        own.map(|key| key.3).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The segments of a metric whose names begin with `prefix`, sorted.
    pub(super) fn segments_of(&self, metric: &str, prefix: &str) -> Vec<&'a str> {
        let own = self.rows.keys().filter(|key| key.0 == metric && key.2.starts_with(prefix));
        own.map(|key| key.2).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The values of a segment dimension that exposed units of any arm have, sorted.
    pub(super) fn exposed_values(
        &self,
        experiment: &Experiment,
        segment: &str,
    ) -> BTreeSet<&'a str> {
        let is_arm = |variant: &str| experiment.design.arms.iter().any(|arm| arm.name == variant);
        self.rows
            .keys()
            .filter(|key| key.0 == SEVERAL_VARIANTS && key.2 == segment && is_arm(key.1))
            .map(|key| key.3)
            .collect()
    }

    /// The variants that have statistics and are no arm of the experiment, sorted.
    pub(super) fn unknown_variants(&self, experiment: &Experiment) -> BTreeSet<&'a str> {
        let is_arm = |variant: &str| experiment.design.arms.iter().any(|arm| arm.name == variant);
        self.rows.keys().map(|key| key.1).filter(|variant| !is_arm(variant)).collect()
    }
}
