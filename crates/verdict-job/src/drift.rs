//! The columns of a day's objects made one: a log's files change over time, and one type must read them all.
//!
//! What counts as the same column is decided by name, whatever its place. Types are widened where nothing is lost by it:
//! integers to larger ones, floats to doubles, integers of up to 32 bits to doubles, texts of every encoding to text,
//! instants of every unit to the finest (but for nanoseconds beside others: microseconds hold every year), and
//! instants of different zones to UTC. A column that an object lacks is null there.

use std::sync::Arc;

use datafusion::arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit,
};

use crate::footers::Footer;
use crate::plain::type_name;
use crate::store::Location;
use crate::{Error, Result};

/// The columns of all of a day's objects, each with the type that holds what every object has in it; where there is no such
/// type, with that of the first object ([`agree`] refuses it where the column is used).
pub(crate) fn merged(first: &SchemaRef, footers: &[Footer]) -> SchemaRef {
    let mut fields: Vec<FieldRef> = first.fields().iter().map(plain).collect();
    for footer in footers {
        for field in footer.schema.fields() {
            let field = plain(field);
            match fields.iter_mut().find(|known| known.name() == field.name()) {
                Some(known) => {
                    if let Some(both) = widest_field(known, &field) {
                        *known = Arc::new(both);
                    }
                }
                None => fields.push(Arc::new(field.as_ref().clone().with_nullable(true))),
            }
        }
        for known in &mut fields {
            if footer.schema.field_with_name(known.name()).is_err() {
                *known = Arc::new(known.as_ref().clone().with_nullable(true));
            }
        }
    }
    Arc::new(Schema::new(fields))
}

/// Checks that the objects which have one of the `columns` have it with types that one type can hold.
pub(crate) fn agree<'a>(
    location: &Location,
    footers: &[Footer],
    columns: impl Iterator<Item = &'a String> + Clone,
) -> Result<()> {
    for column in columns {
        let mut so_far: Option<(&Footer, DataType)> = None;
        for footer in footers {
            let Ok(field) = footer.schema.field_with_name(column) else { continue };
            let found = simple(field.data_type());
            let both = match &so_far {
                None => Some(found.clone()),
                Some((_, known)) => widest(known, &found),
            };
            let Some(both) = both else {
                let (other, expected) = so_far.unwrap_or_else(|| (footer, found.clone()));
                return Err(Error::SchemaMismatch {
                    object: location.name(&footer.object.location),
                    column: column.clone(),
                    found: format!("is {}", type_name(&found)),
                    other: location.name(&other.object.location),
                    expected: type_name(&expected),
                });
            };
            let first = so_far.map_or(footer, |(first, _)| first);
            so_far = Some((first, both));
        }
    }
    Ok(())
}

/// The field without an encoding.
fn plain(field: &FieldRef) -> FieldRef {
    match simple(field.data_type()) {
        ty if ty == *field.data_type() => Arc::clone(field),
        ty => Arc::new(field.as_ref().clone().with_data_type(ty)),
    }
}

/// The type without an encoding: what a dictionary holds, texts as views.
fn simple(ty: &DataType) -> DataType {
    match ty {
        DataType::Dictionary(_, values) => simple(values),
        DataType::RunEndEncoded(_, values) => simple(values.data_type()),
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        other => other.clone(),
    }
}

/// The narrowest type that holds every value of both; `None`: there is none.
fn widest(one: &DataType, other: &DataType) -> Option<DataType> {
    use DataType::{
        Date32, Date64, Decimal128, FixedSizeList, Float16, Float32, Float64, LargeList, List,
        Null, Struct, Timestamp,
    };
    if one == other {
        return Some(one.clone());
    }
    match (one, other) {
        (Null, ty) | (ty, Null) => Some(ty.clone()),
        (a, b) if a.is_integer() && b.is_integer() => widest_integer(a, b),
        (Float16 | Float32 | Float64, Float16 | Float32 | Float64) => {
            Some(if [one, other].contains(&&Float64) { Float64 } else { Float32 })
        }
        // A double holds every integer of 32 bits, and not every one of 64.
        (ty, Float16 | Float32 | Float64) | (Float16 | Float32 | Float64, ty)
            if ty.is_integer() =>
        {
            (bits(ty)? <= 32).then_some(Float64)
        }
        (Decimal128(p, s), Decimal128(q, t)) => {
            let scale = *s.max(t);
            let whole = (i16::from(*p) - i16::from(*s)).max(i16::from(*q) - i16::from(*t));
            let precision = u8::try_from(whole + i16::from(scale)).ok()?;
            (precision <= DECIMAL128_MAX_PRECISION).then_some(Decimal128(precision, scale))
        }
        (Timestamp(a, zone), Timestamp(b, other)) => {
            let zone = if zone == other { zone.clone() } else { Some("UTC".into()) };
            Some(Timestamp(finest(*a, *b), zone))
        }
        (Date32, Date64) | (Date64, Date32) => Some(Date64),
        (
            List(a) | LargeList(a) | FixedSizeList(a, _),
            List(b) | LargeList(b) | FixedSizeList(b, _),
        ) => Some(List(Arc::new(widest_field(a, b)?))),
        (Struct(a), Struct(b)) => widest_struct(a, b),
        _ => None,
    }
}

/// The narrowest field for the values of both.
fn widest_field(one: &Field, other: &Field) -> Option<Field> {
    let ty = widest(&simple(one.data_type()), &simple(other.data_type()))?;
    let nullable = one.is_nullable() || other.is_nullable();
    Some(one.clone().with_data_type(ty).with_nullable(nullable))
}

fn widest_struct(one: &Fields, other: &Fields) -> Option<DataType> {
    let mut fields: Vec<Field> = Vec::new();
    for field in one {
        let both = match other.iter().find(|other| other.name() == field.name()) {
            Some(other) => widest_field(field, other)?,
            None => field.as_ref().clone().with_nullable(true),
        };
        fields.push(both);
    }
    let new = other.iter().filter(|field| one.iter().all(|known| known.name() != field.name()));
    fields.extend(new.map(|field| field.as_ref().clone().with_nullable(true)));
    Some(DataType::Struct(fields.into()))
}

fn bits(ty: &DataType) -> Option<u32> {
    ty.primitive_width().map(|bytes| 8 * bytes as u32)
}

fn widest_integer(one: &DataType, other: &DataType) -> Option<DataType> {
    let (a, b) = (bits(one)?, bits(other)?);
    let signed = |ty: &DataType| ty.is_signed_integer();
    match (signed(one), signed(other)) {
        (true, true) | (false, false) => Some(if a >= b { one.clone() } else { other.clone() }),
        (signed_first, _) => {
            // Of a sign and none: the signed type that is wider than the other.
            let (with, without) = if signed_first { (a, b) } else { (b, a) };
            match with.max(2 * without) {
                0..=16 => Some(DataType::Int16),
                17..=32 => Some(DataType::Int32),
                33..=64 => Some(DataType::Int64),
                _ => None,
            }
        }
    }
}

fn finest(one: TimeUnit, other: TimeUnit) -> TimeUnit {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    match (one, other) {
        (Nanosecond, Nanosecond) => Nanosecond,
        // Nanoseconds end in the year 2262, and no expression is evaluated at more than microseconds.
        (Nanosecond | Microsecond, _) | (_, Nanosecond | Microsecond) => Microsecond,
        (Millisecond, _) | (_, Millisecond) => Millisecond,
        (Second, Second) => Second,
    }
}

#[cfg(test)]
mod tests {
    use DataType::{
        Boolean, Decimal128, Float32, Float64, Int8, Int32, Int64, Timestamp, UInt8, UInt32,
        UInt64, Utf8,
    };

    use super::*;

    #[test]
    fn a_type_is_widened_where_nothing_is_lost() {
        let at = |unit, zone: Option<&str>| Timestamp(unit, zone.map(Into::into));
        for (one, other, both) in [
            (Int32, Int64, Some(Int64)),
            (UInt8, Int8, Some(DataType::Int16)),
            (UInt32, Int32, Some(Int64)),
            (UInt64, Int64, None),
            (UInt32, UInt64, Some(UInt64)),
            (Float32, Float64, Some(Float64)),
            (Int32, Float32, Some(Float64)),
            (Int64, Float64, None),
            (Decimal128(5, 2), Decimal128(6, 4), Some(Decimal128(7, 4))),
            (Decimal128(38, 0), Decimal128(38, 10), None),
            (Boolean, Int32, None),
            (DataType::Utf8View, Int64, None),
            (DataType::Null, Int64, Some(Int64)),
            (
                at(TimeUnit::Second, None),
                at(TimeUnit::Millisecond, None),
                Some(at(TimeUnit::Millisecond, None)),
            ),
            (
                at(TimeUnit::Nanosecond, Some("+05:30")),
                at(TimeUnit::Microsecond, None),
                Some(at(TimeUnit::Microsecond, Some("UTC"))),
            ),
        ] {
            assert_eq!(widest(&one, &other), both, "{one} and {other}");
            assert_eq!(widest(&other, &one), both, "{other} and {one}");
        }
    }

    #[test]
    fn an_encoding_is_no_type() {
        let dictionary = DataType::Dictionary(Box::new(Int32), Box::new(Utf8));
        assert_eq!(simple(&dictionary), DataType::Utf8View);
        assert_eq!(simple(&DataType::LargeUtf8), DataType::Utf8View);
    }

    #[test]
    fn a_struct_has_the_fields_of_both() {
        let of = |fields: Vec<Field>| DataType::Struct(fields.into());
        let one = of(vec![Field::new("a", Int32, false), Field::new("b", Int64, false)]);
        let other = of(vec![Field::new("c", Boolean, false), Field::new("a", Int64, false)]);
        let both = of(vec![
            Field::new("a", Int64, false),
            Field::new("b", Int64, true),
            Field::new("c", Boolean, true),
        ]);
        assert_eq!(widest(&one, &other), Some(both));
    }
}
