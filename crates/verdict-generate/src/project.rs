//! The project over a generated log: what one would write for a log of one's own.

use std::path::Path;

use crate::spec::Planned;
use crate::write::put;
use crate::{GenerateError, Spec};

const PROJECT: &str = "\
# A generated log: truth.json says what was planted. `verdict run --date LAST_DAY` says what can be seen of it.
project:
  name: generated_shop
  time_zone: UTC
  tables: tables

sources:
  events:
    path: events              # folders ds=YYYY-MM-DD
    timestamp: ts
    units: {user_id: user_id}
  exposures:
    path: exposures
    timestamp: ts
    units: {user_id: user_id}

exposures:
  assignments:
    source: exposures
    experiment: experiment
    variant: variant
    segments: {platform: platform, country: country}
";

const METRICS: &str = "\
metrics:
  ordered:
    type: proportion
    description: share of users that order
    source: events
    filter: event = 'order'

  revenue:
    type: mean
    description: amount of a user's orders
    source: events
    filter: event = 'order'
    value: amount
    aggregate: sum

  order_value:
    type: ratio
    description: amount of an order
    numerator: {source: events, filter: event = 'order', value: amount, aggregate: sum}
    denominator: {source: events, filter: event = 'order', aggregate: count}

  click_through:
    type: ratio
    description: clicks for each view
    numerator: {source: events, filter: event = 'click', aggregate: count}
    denominator: {source: events, filter: event = 'view', aggregate: count}

  latency:
    type: ratio
    description: milliseconds that a page takes
    numerator: {source: events, filter: event = 'latency', value: amount, aggregate: sum}
    denominator: {source: events, filter: event = 'latency', aggregate: count}

  active_days:
    type: mean
    description: days on which a user comes
    source: events
    aggregate: distinct_days
";

pub(crate) fn write(spec: &Spec, folder: &Path) -> Result<(), GenerateError> {
    put(&folder.join("project.yaml"), PROJECT)?;
    put(&folder.join("metrics.yaml"), METRICS)?;
    for planned in &spec.experiments {
        let path = folder.join("experiments").join(format!("{}.yaml", planned.name));
        put(&path, &experiment(spec, planned))?;
    }
    Ok(())
}

fn experiment(spec: &Spec, planned: &Planned) -> String {
    let arms: Vec<&str> = planned.arms.iter().map(|arm| arm.name.as_str()).collect();
    format!(
        "\
experiment:
  name: {name}
  hypothesis: see truth.json
  start: {start}
  design: {{unit: user_id, control: {control}, variants: [{arms}]}}
  segments: [platform, country]
  metrics:
    primary: {{name: ordered, mde_relative: 0.03, direction: increase}}
    guardrails:
      - {{name: latency, direction: decrease}}
      - {{name: active_days, direction: increase}}
    secondary: [{{name: revenue}}, {{name: order_value}}, {{name: click_through}}]
  statistical_settings:
    sequential_method: obrien_fleming
    max_duration_days: {days}
    min_duration_days: {least}
",
        name = planned.name,
        start = spec.date(planned.start),
        control = arms[0],
        arms = arms.join(", "),
        days = (spec.days - planned.start.min(spec.days - 1)).max(1),
        least = 7.min(spec.days - planned.start.min(spec.days - 1)).max(1),
    )
}
