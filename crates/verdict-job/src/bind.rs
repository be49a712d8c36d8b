//! Definitions meet a day's log: every expression checked against its columns, every type settled.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::prelude::SessionContext;
use verdict_model::{Aggregate, Exposures, Located, OutsideDay, Source};

use crate::Result;
use crate::component::ComponentDef;
use crate::expression::{Checked, check, check_condition, wrong_type};
use crate::render::{instant, text};

/// A log's expressions, checked against the columns of one day.
#[derive(Clone, Debug)]
pub(crate) struct BoundLog {
    pub(crate) unit: String,
    /// `BIGINT` or `VARCHAR`.
    pub(crate) unit_type: &'static str,
    pub(crate) timestamp: String,
    pub(crate) filter: Option<String>,
    pub(crate) reject_outside_day: bool,
    /// The columns that are read, so far.
    pub(crate) columns: BTreeSet<String>,
}

/// An exposure log's expressions, checked.
#[derive(Clone, Debug)]
pub(crate) struct BoundExposures {
    pub(crate) log: BoundLog,
    pub(crate) experiment: String,
    pub(crate) variant: String,
    /// Dimension and expression.
    pub(crate) segments: Vec<(String, String)>,
}

/// A component, checked, with the type of its values.
#[derive(Clone, Debug)]
pub(crate) struct BoundComponent {
    pub(crate) def: ComponentDef,
    pub(crate) value: Option<String>,
    pub(crate) filter: Option<String>,
    pub(crate) number: Number,
}

/// What a component's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Boolean,
    Integer,
    Float,
    /// Whether a number reaches this one, by its bits.
    Reaches(u64),
    /// What is kept of a unit's values, as [`verdict_accum::UnitValues`] and its like store it.
    Values,
    Text,
}

impl Number {
    /// The SQL type of a row's value.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Number::Boolean => "BOOLEAN",
            Number::Integer | Number::Reaches(_) => "BIGINT",
            // What a row has is one of them.
            Number::Float | Number::Values => "DOUBLE",
            Number::Text => "VARCHAR",
        }
    }

    /// What to call it in a message.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Number::Boolean => "true or false",
            Number::Integer | Number::Reaches(_) => "an integer",
            Number::Float => "a double",
            Number::Values => "a list of values",
            Number::Text => "a text",
        }
    }

    pub(crate) fn of(data_type: &DataType) -> Option<Number> {
        match data_type {
            DataType::Boolean => Some(Number::Boolean),
            DataType::Int64 => Some(Number::Integer),
            DataType::Float64 => Some(Number::Float),
            // Queries see tables through views.
            DataType::Binary | DataType::BinaryView => Some(Number::Values),
            DataType::Utf8 | DataType::Utf8View => Some(Number::Text),
            _ => None,
        }
    }
}

/// Checks the expression of a unit: itself, and the SQL type of its column.
pub(crate) fn unit(
    ctx: &SessionContext,
    schema: &SchemaRef,
    expression: &Located<String>,
    object: &str,
) -> Result<(Checked, &'static str)> {
    let unit = check(ctx, schema, expression, object)?;
    let unit_type = match &unit.data_type {
        t if t.is_integer() => "BIGINT",
        t if t.is_string() => "VARCHAR",
        other => {
            return Err(wrong_type(
                expression,
                other,
                "a unit must be text or an integer (a float loses digits): write CAST(… AS VARCHAR) if it names one",
            ));
        }
    };
    Ok((unit, unit_type))
}

/// Checks the expression of a row's time.
pub(crate) fn timestamp(
    ctx: &SessionContext,
    schema: &SchemaRef,
    expression: &Located<String>,
    object: &str,
) -> Result<Checked> {
    let time = check(ctx, schema, expression, object)?;
    if !matches!(time.data_type, DataType::Timestamp(_, _)) {
        return Err(wrong_type(
            expression,
            &time.data_type,
            "a timestamp is needed: write to_timestamp_millis(…) or to_timestamp_micros(…) for a number since 1970, \
             to_timestamp(…) for text",
        ));
    }
    Ok(time)
}

/// Checks the expression of a name: of an experiment, a variant, a segment.
pub(crate) fn name(
    ctx: &SessionContext,
    schema: &SchemaRef,
    expression: &Located<String>,
    object: &str,
) -> Result<Checked> {
    let checked = check(ctx, schema, expression, object)?;
    match is_plain(&checked.data_type) {
        true => Ok(checked),
        false => Err(not_plain(expression, &checked.data_type)),
    }
}

/// Whether a value has one text.
fn is_plain(ty: &DataType) -> bool {
    ty.is_string() || ty.is_integer() || *ty == DataType::Boolean || *ty == DataType::Null
}

fn not_plain(expression: &Located<String>, ty: &DataType) -> crate::Error {
    let needed = "text, an integer or a boolean is needed: write CAST(… AS VARCHAR)";
    wrong_type(expression, ty, needed)
}

fn no_value(def: &ComponentDef) -> crate::Error {
    crate::Error::Internal(format!("component {} has no value", def.column))
}

/// Checks the expressions by which a source names units and times.
pub(crate) fn log(
    ctx: &SessionContext,
    schema: &SchemaRef,
    source: &Source,
    unit_type: &str,
    object: &str,
) -> Result<BoundLog> {
    let mut columns = BTreeSet::new();
    let mut note = |checked: Checked| -> Checked {
        columns.extend(checked.columns.iter().cloned());
        checked
    };
    let (unit, unit_type) = unit(ctx, schema, &source.units[unit_type], object)?;
    let unit = note(unit);
    let time = note(timestamp(ctx, schema, &source.timestamp, object)?);
    let filter = source
        .filter
        .as_ref()
        .map(|f| check_condition(ctx, schema, f, object))
        .transpose()?
        .map(note);
    Ok(BoundLog {
        unit: format!("CAST({} AS {unit_type})", unit.sql),
        unit_type,
        timestamp: instant(&time.sql),
        filter: filter.map(|f| f.sql),
        reject_outside_day: source.outside_day == OutsideDay::Reject,
        columns,
    })
}

/// Checks the expressions by which a log tells of exposures.
pub(crate) fn exposures(
    ctx: &SessionContext,
    schema: &SchemaRef,
    source: &Source,
    exposures: &Exposures,
    unit_type: &str,
    object: &str,
) -> Result<BoundExposures> {
    let mut log = log(ctx, schema, source, unit_type, object)?;
    let mut as_text = |expression: &Located<String>| -> Result<String> {
        let checked = name(ctx, schema, expression, object)?;
        log.columns.extend(checked.columns);
        Ok(format!("CAST({} AS VARCHAR)", checked.sql))
    };
    let experiment = match &exposures.experiment {
        Some(expression) => as_text(expression)?,
        None => format!("CAST({} AS VARCHAR)", text("")),
    };
    let variant = as_text(&exposures.variant)?;
    let segments = exposures
        .segments
        .iter()
        .map(|(name, expression)| Ok((name.clone(), as_text(expression)?)))
        .collect::<Result<Vec<_>>>()?;
    let own =
        exposures.filter.as_ref().map(|f| check_condition(ctx, schema, f, object)).transpose()?;
    if let Some(own) = own {
        log.columns.extend(own.columns);
        log.filter = Some(match log.filter.take() {
            Some(of_source) => format!("({of_source}) AND ({})", own.sql),
            None => own.sql,
        });
    }
    Ok(BoundExposures { log, experiment, variant, segments })
}

/// Checks a component's expressions.
pub(crate) fn component(
    ctx: &SessionContext,
    schema: &SchemaRef,
    def: &ComponentDef,
    object: &str,
    columns: &mut BTreeSet<String>,
) -> Result<BoundComponent> {
    let filter =
        def.filter.as_ref().map(|f| check_condition(ctx, schema, f, object)).transpose()?;
    let value = def.value.as_ref().map(|v| Ok((v, check(ctx, schema, v, object)?))).transpose()?;
    for checked in filter.iter().chain(value.iter().map(|(_, checked)| checked)) {
        columns.extend(checked.columns.iter().cloned());
    }
    let (number, value) = match def.aggregate {
        Aggregate::Any | Aggregate::DistinctDays => (Number::Boolean, value.map(|(_, v)| v.sql)),
        Aggregate::Count => (Number::Integer, value.map(|(_, v)| v.sql)),
        Aggregate::Distinct
        | Aggregate::FirstCategory
        | Aggregate::LastCategory
        | Aggregate::MostFrequent => {
            let (expression, checked) = value.ok_or_else(|| no_value(def))?;
            let ty = &checked.data_type;
            let countable =
                def.aggregate == Aggregate::Distinct && (ty.is_numeric() || ty.is_temporal());
            if !is_plain(ty) && !countable {
                return Err(not_plain(expression, ty));
            }
            (Number::Values, Some(format!("CAST({} AS VARCHAR)", checked.sql)))
        }
        Aggregate::Sum
        | Aggregate::Min
        | Aggregate::Max
        | Aggregate::First
        | Aggregate::Last
        | Aggregate::Values => {
            let (expression, checked) = value.ok_or_else(|| no_value(def))?;
            let ty = &checked.data_type;
            let several =
                matches!(def.aggregate, Aggregate::Values | Aggregate::First | Aggregate::Last);
            let number = match ty {
                t if several && (t.is_numeric() || *t == DataType::Boolean) => Number::Values,
                t if t.is_integer() => Number::Integer,
                DataType::Boolean => Number::Integer,
                t if t.is_numeric() => Number::Float,
                other => {
                    return Err(wrong_type(
                        expression,
                        other,
                        "a number is needed: write CAST(… AS DOUBLE) if the text holds one, or use aggregate: count",
                    ));
                }
            };
            (number, Some(format!("CAST({} AS {})", checked.sql, number.sql())))
        }
    };
    Ok(BoundComponent { def: def.clone(), value, filter: filter.map(|f| f.sql), number })
}

impl BoundComponent {
    /// The column that holds the row's value in the scan.
    pub(crate) fn value_column(&self) -> String {
        format!("value_{}", self.def.column)
    }

    /// The column that says whether the row counts in the scan.
    pub(crate) fn filter_column(&self) -> String {
        format!("filter_{}", self.def.column)
    }
}
