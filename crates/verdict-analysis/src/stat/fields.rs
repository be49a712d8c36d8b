//! Reading the input of a request and writing the output of an answer.

use serde_json::{Map, Value, json};

use super::StatError;
use crate::methods::{Interval, MethodError};

/// The input object of a request.
pub(super) struct Input<'a>(pub(super) &'a Value);

impl<'a> Input<'a> {
    pub(super) fn f64(&self, key: &str) -> Result<f64, StatError> {
        self.get(key).and_then(number).ok_or_else(|| bad(key, "a number"))
    }

    pub(super) fn f64_or(&self, key: &str, default: f64) -> Result<f64, StatError> {
        if self.has(key) { self.f64(key) } else { Ok(default) }
    }

    pub(super) fn u64(&self, key: &str) -> Result<u64, StatError> {
        self.get(key).and_then(whole).ok_or_else(|| bad(key, "a whole number, zero or more,"))
    }

    pub(super) fn str(&self, key: &str) -> Result<&'a str, StatError> {
        self.get(key).and_then(Value::as_str).ok_or_else(|| bad(key, "a text"))
    }

    pub(super) fn str_or(&self, key: &str, default: &'a str) -> Result<&'a str, StatError> {
        if self.has(key) { self.str(key) } else { Ok(default) }
    }

    pub(super) fn f64s(&self, key: &str) -> Result<Vec<f64>, StatError> {
        self.list(key, "a list of numbers", number)
    }

    pub(super) fn u64s(&self, key: &str) -> Result<Vec<u64>, StatError> {
        self.list(key, "a list of whole numbers, zero or more,", whole)
    }

    pub(super) fn object(&self, key: &str) -> Result<Input<'a>, StatError> {
        self.get(key).filter(|v| v.is_object()).map(Input).ok_or_else(|| bad(key, "an object"))
    }

    pub(super) fn rows<T>(
        &self,
        key: &str,
        expected: &'static str,
        row: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Vec<T>, StatError> {
        self.list(key, expected, row)
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|v| !v.is_null())
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    fn list<T>(
        &self,
        key: &str,
        expected: &'static str,
        item: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Vec<T>, StatError> {
        let values = self.get(key).and_then(Value::as_array).ok_or_else(|| bad(key, expected))?;
        values.iter().map(|v| item(v).ok_or_else(|| bad(key, expected))).collect()
    }
}

pub(super) fn bad(key: &str, expected: &'static str) -> StatError {
    StatError::BadInput { key: key.to_owned(), expected }
}

/// A number, or one of the strings that stand for those JSON lacks.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("inf") => Some(f64::INFINITY),
        Some("-inf") => Some(f64::NEG_INFINITY),
        Some("nan") => Some(f64::NAN),
        Some(_) => None,
        None => value.as_f64(),
    }
}

/// A whole number, also when it is written with a fraction of zero.
pub(super) fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        value.as_f64().filter(|x| x.fract() == 0.0 && (0.0..1.8e19).contains(x)).map(|x| x as u64)
    })
}

pub(super) fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(number).collect()
}

/// The output object of an answer.
#[derive(Default)]
pub(super) struct Output(pub(super) Map<String, Value>);

impl Output {
    pub(super) fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    pub(super) fn number(&mut self, key: &str, value: f64) {
        self.put(key, to_json(value));
    }

    pub(super) fn numbers(&mut self, key: &str, values: &[f64]) {
        self.put(key, values.iter().copied().map(to_json).collect::<Vec<_>>());
    }

    pub(super) fn interval(&mut self, key: &str, interval: Interval) {
        self.put(key, json!([to_json(interval.lower), to_json(interval.upper)]));
    }

    /// A number where it is defined, `null` where the method refuses.
    pub(super) fn try_number(&mut self, key: &str, value: Result<f64, MethodError>) {
        self.put(key, value.map_or(Value::Null, to_json));
    }

    /// An interval where it is defined, `null` where the method refuses.
    pub(super) fn try_interval(&mut self, key: &str, interval: Result<Interval, MethodError>) {
        self.put(
            key,
            interval.map_or(Value::Null, |i| json!([to_json(i.lower), to_json(i.upper)])),
        );
    }
}

pub(super) fn to_json(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else if value.is_nan() {
        Value::Null
    } else {
        json!(if value > 0.0 { "inf" } else { "-inf" })
    }
}
