//! Configured SQL expressions: parsed before use, printed back, checked against a log's columns.

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::config::Dialect;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, Volatility};
use datafusion::prelude::SessionContext;
use verdict_model::Located;

use crate::plain::{message_in, root_message, type_name};
use crate::{Error, Result};

/// An expression as the engine will see it.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// Its text, printed from the parsed form.
    pub(crate) sql: String,
    /// Its type.
    pub(crate) data_type: DataType,
    /// The columns of the log that it reads.
    pub(crate) columns: BTreeSet<String>,
}

fn refuse(expression: &Located<String>, reason: impl Into<String>) -> Error {
    Error::Expression {
        place: Box::new(expression.place.clone()),
        text: expression.value.clone(),
        reason: reason.into(),
    }
}

fn not_allowed(expression: &Located<String>, what: &str) -> Error {
    refuse(
        expression,
        format!("{what} cannot be used here: the value must follow from its row alone"),
    )
}

/// The longest expression, in characters: parsing and planning go down into one, and each level takes of the stack.
const LONGEST: usize = 4_000;
/// How much of a long one a message repeats.
const REPEATED: usize = 200;

/// The expression's text, printed from its parsed form: one expression and nothing after it.
pub(crate) fn printed(ctx: &SessionContext, expression: &Located<String>) -> Result<String> {
    let length = expression.value.chars().count();
    if length > LONGEST {
        let text: String = expression.value.chars().take(REPEATED).collect();
        return Err(Error::Expression {
            place: Box::new(expression.place.clone()),
            text: format!("{text}…"),
            reason: format!(
                "it has {length} characters, and at most {LONGEST} can be used; write its value into a column of the log"
            ),
        });
    }
    let parsed = ctx
        .state()
        .sql_to_expr_with_alias(&expression.value, &Dialect::Generic)
        .map_err(|e| refuse(expression, format!("not an SQL expression: {}", root_message(&e))))?;
    if let Some(alias) = parsed.alias {
        return Err(refuse(
            expression,
            format!(
                "not one SQL expression: `{alias}` is left over; write an operator, a comma or quotes"
            ),
        ));
    }
    Ok(parsed.expr.to_string())
}

/// Checks an expression against the columns of a log.
///
/// # Errors
/// It does not parse, names an unknown column or function, mixes types, or is not a function of the row
/// alone (aggregates, windows, subqueries, the clock, random numbers).
pub(crate) fn check(
    ctx: &SessionContext,
    schema: &SchemaRef,
    expression: &Located<String>,
    object: &str,
) -> Result<Checked> {
    let sql = printed(ctx, expression)?;
    let state = ctx.state();
    let against = |e: &DataFusionError| {
        let text = message_in(&state, e);
        if text.starts_with("table '") {
            // Only a subquery names a table.
            return not_allowed(expression, "a subquery");
        }
        refuse(expression, format!("{text}; checked against {object}"))
    };
    let columns = DFSchema::try_from(SchemaRef::clone(schema)).map_err(|e| against(&e))?;
    let expr = state.create_logical_expr(&sql, &columns).map_err(|e| against(&e))?;
    if let Some(what) = not_of_the_row(&expr) {
        return Err(not_allowed(expression, &what));
    }
    let used = expr.column_refs().into_iter().map(|Column { name, .. }| name.clone()).collect();
    let physical = state.create_physical_expr(expr, &columns).map_err(|e| against(&e))?;
    let data_type = physical.data_type(schema).map_err(|e| against(&e))?;
    Ok(Checked { sql, data_type, columns: used })
}

/// Checks a condition: as [`check`], and it must be true or false.
pub(crate) fn check_condition(
    ctx: &SessionContext,
    schema: &SchemaRef,
    expression: &Located<String>,
    object: &str,
) -> Result<Checked> {
    let checked = check(ctx, schema, expression, object)?;
    if checked.data_type != DataType::Boolean {
        return Err(refuse(
            expression,
            format!(
                "a filter must be true or false, this is {}; write a comparison",
                type_name(&checked.data_type)
            ),
        ));
    }
    Ok(checked)
}

/// Refuses `expression` for its type.
pub(crate) fn wrong_type(expression: &Located<String>, found: &DataType, wanted: &str) -> Error {
    refuse(expression, format!("its type is {}; {wanted}", type_name(found)))
}

fn not_of_the_row(expr: &Expr) -> Option<String> {
    let mut found = None;
    // The closure never fails, so neither does the walk.
    let _ = expr.apply(|node| {
        found = match node {
            Expr::AggregateFunction(f) => Some(format!("the aggregate `{}`", f.func.name())),
            Expr::WindowFunction(_) => Some("a window function".to_owned()),
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) => {
                Some("a subquery".to_owned())
            }
            Expr::Placeholder(_) => Some("a parameter".to_owned()),
            Expr::ScalarFunction(f) => {
                let clock = ["now", "current_date", "current_time", "current_timestamp", "today"];
                let name = f.func.name();
                (f.func.signature().volatility == Volatility::Volatile || clock.contains(&name))
                    .then(|| format!("`{name}()`"))
            }
            _ => None,
        };
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}
