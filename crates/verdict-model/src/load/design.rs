//! `experiment.design`: unit, arms, control.

use crate::yaml::{Item, Map};
use crate::{Arm, Design, Located, NaiveDate, Phase, SeveralVariants};

/// The design of an experiment, whose first and last day are `dates`.
pub(super) fn design(
    item: &Item<'_>,
    dates: (Option<NaiveDate>, Option<NaiveDate>),
) -> Option<Design> {
    let mut map = item.map()?;
    let ty = map.get("type");
    let two_arms =
        ty.as_ref().and_then(|item| item.word(&[("two_arm_ab", true), ("multi_arm", false)]));
    let unit =
        map.require("unit", "write the unit type that is randomised").and_then(|item| item.text());
    let control_item = map.get("control");
    let control = match &control_item {
        Some(item) => item.text(),
        None => Some(Located { value: "control".to_owned(), place: map.place.clone() }),
    };
    let arms = arms(&mut map, control.as_ref());
    let several_variants = map.get("several_variants").and_then(|item| {
        item.word(&[("exclude", SeveralVariants::Exclude), ("first", SeveralVariants::First)])
    });

    let cluster = map.get("cluster").and_then(|item| item.text());
    let phases = map.get("phases");
    if let (Some(item), Some(_)) = (&phases, &cluster) {
        item.refuse("clusters are assigned once: remove `phases`, or `cluster`");
    }
    let phases = phases
        .zip(arms.as_ref())
        .map_or_else(Vec::new, |(item, arms)| self::phases(&item, arms, dates));

    if let (Some(ty), Some(true), Some(arms)) = (&ty, two_arms, &arms)
        && arms.len() != 2
    {
        ty.refuse(format!(
            "`two_arm_ab` has two arms and `variants` names {}; write multi_arm",
            arms.len()
        ));
    }
    if let (Some(control), Some(arms)) = (&control, &arms)
        && !arms.iter().any(|arm| arm.name == control.value)
    {
        let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        let names = names.join(", ");
        let message = format!(
            "the control `{control}` is not among the variants ({names}); set `control` or `variants`"
        );
        item.refuse_at(&control.place, message);
    }
    map.finish();
    Some(Design {
        unit: unit?,
        control: control?,
        arms: arms?,
        several_variants: several_variants.unwrap_or_default(),
        cluster,
        phases,
    })
}

/// The weights from other days on: `{2024-03-08: {off: 0.5, on: 0.5}}`. What is wrong is left out.
fn phases(
    item: &Item<'_>,
    arms: &[Arm],
    (start, end): (Option<NaiveDate>, Option<NaiveDate>),
) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    for (day, item) in item.map().iter().flat_map(|map| map.entries()) {
        let Some(from) = day_of(&day.value) else {
            item.refuse_at(
                &day.place,
                format!(
                    "`{day}` is no day; write the first day of the weights, such as 2024-03-08: {{off: 0.5, on: 0.5}}"
                ),
            );
            continue;
        };
        let outside = match (start, end) {
            (Some(start), _) if from <= start => Some(format!(
                "{from} is not after `start`, {start}; write those weights under `variants`"
            )),
            (_, Some(end)) if from > end => Some(format!("{from} is after `end`, {end}")),
            _ => None,
        };
        if let Some(outside) = outside {
            item.refuse_at(&day.place, outside);
            continue;
        }
        let Some(weighted) = weights(&item) else { continue };
        let of = |arm: &Arm| weighted.iter().find(|own| own.name == arm.name).map(|own| own.weight);
        let shares: Option<Vec<f64>> = arms.iter().map(of).collect();
        match shares.filter(|shares| shares.len() == weighted.len()) {
            Some(weights) => phases.push(Phase { from, weights }),
            None => {
                let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
                item.refuse(format!(
                    "give a weight to each variant and to no other: {}",
                    names.join(", ")
                ));
            }
        }
    }
    phases.sort_by_key(|phase| phase.from);
    phases
}

/// A date that is written with all its digits.
fn day_of(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.to_string() == text).then_some(date)
}

/// The arms, from `variants` and `traffic_split`.
fn arms(map: &mut Map<'_>, control: Option<&Located<String>>) -> Option<Vec<Arm>> {
    let variants = map.get("variants");
    let weighted = variants.as_ref().is_some_and(Item::is_mapping);
    let arms = match &variants {
        None => Some(equal(vec!["control".to_owned(), "treatment".to_owned()])),
        Some(item) if weighted => weights(item),
        Some(item) => names(item).map(equal),
    };
    let split = map.get("traffic_split");
    let mut arms = arms?;
    if let Some(item) = variants.filter(|_| arms.len() < 2) {
        item.refuse("names fewer than two variants; write the control and at least one more");
        return None;
    }
    if let Some(item) = split {
        if weighted || arms.len() != 2 {
            item.refuse("is for two variants without weights; write the weights under `variants`, such as {a: 0.5, b: 0.5}");
            return None;
        }
        let split = share(&item)?;
        for arm in &mut arms {
            let is_control = control.is_some_and(|control| control.value == arm.name);
            arm.weight = if is_control { 1.0 - split } else { split };
        }
    }
    Some(arms)
}

fn equal(names: Vec<String>) -> Vec<Arm> {
    let weight = 1.0 / names.len() as f64;
    names.into_iter().map(|name| Arm { name, weight }).collect()
}

fn names(item: &Item<'_>) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for item in item.list()? {
        let name = item.text()?.value;
        if names.contains(&name) {
            item.refuse(format!("variant `{name}` is named twice; remove one"));
            return None;
        }
        names.push(name);
    }
    Some(names)
}

fn weights(item: &Item<'_>) -> Option<Vec<Arm>> {
    let mut arms = Vec::new();
    for (name, item) in item.map()?.entries() {
        if name.value.trim().is_empty() {
            item.refuse("a variant has no name");
            return None;
        }
        let weight = item.number("a weight above 0", |x| x > 0.0)?;
        arms.push(Arm { name: name.value, weight });
    }
    let total: f64 = arms.iter().map(|arm| arm.weight).sum();
    // Shares that were written as shares stay as they were written.
    let total = if (total - 1.0).abs() < 1e-12 { 1.0 } else { total };
    for arm in &mut arms {
        arm.weight /= total;
        if arm.weight <= 0.0 {
            item.refuse("has weights too far apart to be shares of one whole");
            return None;
        }
    }
    Some(arms)
}

/// A number between 0 and 1, both excluded.
pub(super) fn share(item: &Item<'_>) -> Option<f64> {
    item.number("a number between 0 and 1", |x| x > 0.0 && x < 1.0)
}
