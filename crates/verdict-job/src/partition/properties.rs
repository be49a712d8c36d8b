//! How the columns of tables are encoded and compressed.

use datafusion::arrow::datatypes::{DataType, FieldRef, SchemaRef};
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder,
};
use datafusion::parquet::schema::types::ColumnPath;

/// One policy for every table. The writer's name is fixed: a table's bytes do not tell who built it.
///
/// A column chunk that is compressed costs its writer and its reader the contexts of a compressor and a decompressor, and chunks are
/// many and short: tables of units have many buckets, and tables of statistics a file a date, with a few rows of many columns. Only
/// what is long is compressed: names of units, bytes, and, by a compressor without contexts, amounts. What an encoding packs already
/// (flags, counts and variants in dictionaries, times as differences) is left at that, and so are numbers of a few dozen groups.
pub(crate) fn properties(schema: &SchemaRef) -> WriterProperties {
    // Every bucket has units, and with them values, of the whole range: least and greatest of a row group say nothing.
    let of_units = schema.fields().first().is_some_and(|field| field.name() == "unit");
    let statistics = if of_units { EnabledStatistics::None } else { EnabledStatistics::Chunk };
    let builder = WriterProperties::builder()
        .set_created_by("verdict".to_owned())
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(statistics)
        .set_offset_index_disabled(true);
    let column = |builder: WriterPropertiesBuilder, field: &FieldRef| {
        let path = match field.data_type() {
            DataType::List(item) => {
                ColumnPath::new(vec![field.name().clone(), "list".into(), item.name().clone()])
            }
            _ => ColumnPath::from(field.name().as_str()),
        };
        let plain = |builder: WriterPropertiesBuilder| {
            builder.set_column_dictionary_enabled(path.clone(), false)
        };
        let compressed = |builder: WriterPropertiesBuilder| {
            builder.set_column_compression(path.clone(), Compression::ZSTD(ZstdLevel::default()))
        };
        match field.data_type() {
            // Nearly every row has a value of its own: a dictionary would be the column again. Lengths apart from texts compress
            // better: sixteen hexadecimal digits by 7%.
            DataType::Utf8 if field.name() == "unit" => compressed(plain(builder))
                .set_column_encoding(path.clone(), Encoding::DELTA_LENGTH_BYTE_ARRAY),
            // Most units have nothing of most amounts, and what is not zero hardly compresses.
            DataType::Float64 if of_units => {
                plain(builder).set_column_compression(path.clone(), Compression::LZ4_RAW)
            }
            DataType::Binary => compressed(plain(builder)),
            DataType::Float64 => plain(builder),
            DataType::Timestamp(..) if of_units => {
                plain(builder).set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
            }
            DataType::Timestamp(..) => plain(builder),
            // Words of a dimension may be of any number.
            DataType::Utf8 if of_units && !field.name().starts_with("variant") => {
                compressed(builder)
            }
            _ => builder,
        }
    };
    schema.fields().iter().fold(builder, column).build()
}
