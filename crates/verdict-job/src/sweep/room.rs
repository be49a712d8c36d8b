//! What one bucket takes in memory, at the least: known from the footers, before anything is read.

use std::collections::BTreeSet;

use datafusion::parquet::basic::Type;
use datafusion::parquet::file::metadata::ColumnChunkMetaData;

use super::Sweep;
use super::input::{rows_in, wanted};
use crate::partition::Partition;

/// The bytes of the largest bucket's rows as arrays; what the sweep makes of them comes on top.
pub(crate) fn least_bytes(sweep: &Sweep) -> u64 {
    let wanted: Vec<(&Partition, BTreeSet<String>)> =
        wanted(sweep).into_iter().map(|(p, columns)| (p, columns.into_iter().collect())).collect();
    let of_bucket = |bucket: u32| wanted.iter().map(|(p, c)| bytes_of(p, bucket, c)).sum::<u64>();
    (0..sweep.buckets).map(of_bucket).max().unwrap_or(0)
}

fn bytes_of(partition: &Partition, bucket: u32, columns: &BTreeSet<String>) -> u64 {
    let Some(own) = rows_in(partition, bucket) else { return 0 };
    let groups = &partition.footer.row_groups()[own.groups];
    let rows: u64 = groups.iter().map(|group| group.num_rows().unsigned_abs()).sum();
    let chunks = groups.iter().flat_map(|group| group.columns());
    let wanted = |chunk: &&ColumnChunkMetaData| {
        chunk.column_path().parts().first().is_some_and(|root| columns.contains(root))
    };
    let all: u64 = chunks.filter(wanted).map(in_memory).sum();
    // Of a row group with other buckets as much as it has rows of it.
    (u128::from(all) * own.rows as u128 / u128::from(rows.max(1))) as u64
}

/// Values by the width of their type; of texts an offset each, and their bytes where the file counts them.
fn in_memory(chunk: &ColumnChunkMetaData) -> u64 {
    let values = chunk.num_values().unsigned_abs();
    match chunk.column_type() {
        Type::BOOLEAN => values / 8,
        Type::INT32 | Type::FLOAT => values.saturating_mul(4),
        Type::INT64 | Type::DOUBLE => values.saturating_mul(8),
        Type::BYTE_ARRAY => {
            let bytes = chunk.unencoded_byte_array_data_bytes().unwrap_or(0).max(0);
            values.saturating_mul(4).saturating_add(bytes.unsigned_abs())
        }
        Type::INT96 | Type::FIXED_LEN_BYTE_ARRAY => 0,
    }
}
