//! A share's object: rows of `unit_total`, what was found, and a header at the end that has a digest of each part.
//!
//! ```text
//! rows      a Parquet file as `unit_total` is one, with row groups of its own for each bucket, so that a join copies their bytes
//! found     states of groups and what checks want to know (`totals/cells`, `sweep/shown`)
//! header    JSON
//! end       the header's length (8 bytes, little end first), its SHA-256 (32 bytes), and the mark (8 bytes)
//! ```
//!
//! Parquet checks little of a column chunk that nobody decodes, so each part has its digest, and the header its own.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::file::FOOTER_SIZE;
use datafusion::parquet::file::metadata::{
    FooterTail, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
};
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use verdict_model::NaiveDate;

use super::{Of, Share};
use crate::content::Content;
use crate::fingerprint::Fingerprint;
use crate::partition::{self, Chunk, Key, Unfinished, Writer};
use crate::store::Location;
use crate::{Error, Result};

/// The last bytes of every share; another layout, or other bytes of what was found, is another mark.
const MARK: &[u8; 8] = b"vrdshar1";

/// The header's length, its digest and the mark.
const END: u64 = 8 + 32 + 8;

/// What a share says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// What it follows from.
    pub(crate) fingerprint: Fingerprint,
    /// The as-of dates whose statistics are made of it.
    pub(crate) looks: Vec<NaiveDate>,
    /// The date of its totals.
    pub(crate) last: NaiveDate,
    pub(crate) buckets: Range<u32>,
    /// The rows of each of its buckets.
    pub(crate) rows: Vec<u64>,
    /// What they are, all together.
    pub(crate) content: Content,
    /// The rows of each bucket as they lie in the file, its footer, and what was found.
    chunks: Vec<Chunk>,
}

/// Why a share is of no use.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It is not there any more: somebody has joined it, or removed it.
    Gone,
    /// It is not what its digests say.
    Damaged,
    /// The store fails.
    Failed(Error),
}

/// Commits a share: the rows that were written, and what was found.
///
/// # Errors
/// The store fails.
pub(crate) async fn write(
    root: &Location,
    key: &Key,
    writer: Writer,
    (fingerprint, buckets): (Fingerprint, Range<u32>),
    (looks, last): (Vec<NaiveDate>, NaiveDate),
    found: Vec<u8>,
) -> Result<()> {
    let Unfinished { mut object, content, buckets: rows, mut chunks } = writer.end().await?;
    chunks.push(Chunk::of(&found));
    let header = Header { fingerprint, looks, last, buckets, rows, content, chunks };
    let header = serde_json::to_vec(&header).map_err(|e| Error::Internal(e.to_string()))?;
    let failed = |source| partition::failed(root, key, source);
    object.put(found.into()).await.map_err(failed)?;
    let mut end = (header.len() as u64).to_le_bytes().to_vec();
    end.extend(Sha256::digest(&header));
    end.extend(MARK);
    object.put([header, end].concat().into()).await.map_err(failed)?;
    object.finish().await.map_err(failed)
}

/// A share whose header is whole.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    root: &'a Location,
    share: &'a Share,
    pub(crate) header: Header,
}

/// Reads the header of a share, which must be what its name says.
pub(crate) async fn open<'a>(
    root: &'a Location,
    of: &Of,
    share: &'a Share,
) -> std::result::Result<Opened<'a>, Unusable> {
    let size = share.object.size;
    let end_at = size.checked_sub(END).ok_or(Unusable::Damaged)?;
    let end = range(root, share, end_at..size).await?;
    let (length, rest) = end.split_at_checked(8).ok_or(Unusable::Damaged)?;
    let (digest, mark) = rest.split_at_checked(32).ok_or(Unusable::Damaged)?;
    let length = length.try_into().map(u64::from_le_bytes).map_err(|_| Unusable::Damaged)?;
    let header_at = end_at.checked_sub(length).ok_or(Unusable::Damaged)?;
    if mark != MARK {
        return Err(Unusable::Damaged);
    }
    let header = range(root, share, header_at..end_at).await?;
    if Sha256::digest(&header).as_slice() != digest {
        return Err(Unusable::Damaged);
    }
    let header: Header = serde_json::from_slice(&header).map_err(|_| Unusable::Damaged)?;
    let length = |sum: u64, chunk: &Chunk| sum.checked_add(chunk.length);
    let length = header.chunks.iter().try_fold(0, length);
    let is_named = header.fingerprint.name() == of.made_from && header.buckets == share.own;
    let is_whole = header.rows.len() == header.buckets.len()
        && header.chunks.len() == header.rows.len() + 2
        && length == Some(header_at);
    if is_named && is_whole { Ok(Opened { root, share, header }) } else { Err(Unusable::Damaged) }
}

impl Opened<'_> {
    /// What was found, as it was packed.
    pub(crate) async fn found(&self) -> std::result::Result<Bytes, Unusable> {
        self.chunk(self.header.rows.len() + 1).await.map(|(_, bytes)| bytes)
    }

    /// The footer of the rows.
    pub(crate) async fn footer(&self) -> std::result::Result<Arc<ParquetMetaData>, Unusable> {
        let (_, bytes) = self.chunk(self.header.rows.len()).await?;
        let end = bytes.len().checked_sub(FOOTER_SIZE).ok_or(Unusable::Damaged)?;
        let tail = FooterTail::try_from(&bytes[end..]).map_err(|_| Unusable::Damaged)?;
        let begin = end.checked_sub(tail.metadata_length()).ok_or(Unusable::Damaged)?;
        // A mask would lose how many pages have which encoding, which the joined file must tell as well.
        let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
        let footer = &bytes[begin..end];
        let footer = ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options));
        footer.map(Arc::new).map_err(|_| Unusable::Damaged)
    }

    /// The bytes of a bucket's rows, by its place in the share, and where they begin in the file.
    pub(crate) async fn bucket(&self, place: usize) -> std::result::Result<(u64, Bytes), Unusable> {
        self.chunk(place).await
    }

    async fn chunk(&self, place: usize) -> std::result::Result<(u64, Bytes), Unusable> {
        let chunk = self.header.chunks.get(place).ok_or(Unusable::Damaged)?;
        let begin: u64 = self.header.chunks[..place].iter().map(|chunk| chunk.length).sum();
        if chunk.length == 0 {
            return Ok((begin, Bytes::new()));
        }
        let bytes = range(self.root, self.share, begin..begin + chunk.length).await?;
        if Chunk::of(&bytes) == *chunk { Ok((begin, bytes)) } else { Err(Unusable::Damaged) }
    }
}

async fn range(
    root: &Location,
    share: &Share,
    range: Range<u64>,
) -> std::result::Result<Bytes, Unusable> {
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    let wanted = range.end - range.start;
    match root.store.get_range(&share.object.location, range).await {
        Ok(bytes) if bytes.len() as u64 == wanted => Ok(bytes),
        // It was replaced by a shorter one since it was listed.
        Ok(_) => Err(Unusable::Damaged),
        Err(object_store::Error::NotFound { .. }) => Err(Unusable::Gone),
        Err(source) => Err(Unusable::Failed(Error::Store {
            object: root.name(&share.object.location),
            source,
        })),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    use futures::TryStreamExt as _;
    use object_store::ObjectStore as _;
    use object_store::path::Path;
    use verdict_model::tables::UNIT_TOTAL;

    use super::*;
    use crate::partition::Made;
    use crate::partition::copy::Copy;
    use crate::shares::Shares;
    use crate::sweep::Part;

    /// So many rows, of amounts, dimensions and missing ones.
    fn rows(n: i64) -> Vec<RecordBatch> {
        let unit: ArrayRef = Arc::new(Int64Array::from_iter_values(0..n));
        let amount = (0..n).map(|i| (i % 3 > 0).then_some(i as f64 / 7.0));
        let amount: ArrayRef = Arc::new(amount.collect::<Float64Array>());
        let country = (0..n).map(|i| (i % 5 > 0).then_some(["IN", "DE", "BR"][(i % 3) as usize]));
        let country: ArrayRef = Arc::new(country.collect::<StringArray>());
        let columns =
            [("unit", unit, false), ("amount", amount, true), ("segment_country", country, true)];
        let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        if n == 0 { Vec::new() } else { vec![rows] }
    }

    async fn bytes(root: &Location, path: &Path) -> Bytes {
        root.store.get(path).await.unwrap().bytes().await.unwrap()
    }

    /// A bucket of more rows than a row group holds, and one of none.
    #[tokio::test]
    async fn row_groups_of_shares_are_those_of_the_whole() {
        let root = Location::in_memory();
        let buckets: Vec<Vec<RecordBatch>> = [9_000, 0, 1_100_000, 20].map(rows).into();
        let schema = buckets[0][0].schema();
        let key = Key::new(&UNIT_TOTAL, &["prices", "2026-03-02"]);
        let at = key.object(&root).prefix;
        let made_from = Fingerprint::new().with("unit_total", ["x"]);
        let mut writer = Writer::new(&root, &key, &schema).unwrap();
        for rows in &buckets {
            writer.bucket(rows).await.unwrap();
        }
        writer.finish(made_from.clone(), None).await.unwrap();
        let whole = bytes(&root, &at).await;

        let of = Of::new("prices", &made_from);
        for own in [2..4_u32, 0..2] {
            let key = of.key(&own, 4);
            let mut writer = Writer::with_buckets_apart(&root, &key, &schema).unwrap();
            for rows in &buckets[own.start as usize..own.end as usize] {
                writer.bucket(rows).await.unwrap();
            }
            let dates = (Vec::new(), NaiveDate::default());
            let of = (made_from.clone(), own);
            write(&root, &key, writer, of, dates, b"found".to_vec()).await.unwrap();
        }
        root.store.delete(&at).await.unwrap();
        let shares = Shares::list(&root, None).await.unwrap();
        let mut shares = shares.of(&of, 4);
        shares.sort_by_key(|share| share.own.start);
        let mut copy = Copy::new(&root, &key, &schema).unwrap();
        let mut groups = Vec::new();
        for share in shares {
            let share = open(&root, &of, share).await.unwrap();
            assert_eq!(share.found().await.unwrap(), &b"found"[..]);
            let footer = share.footer().await.unwrap();
            for (place, rows) in share.header.rows.iter().enumerate() {
                let (start, bytes) = share.bucket(place).await.unwrap();
                let part = Part::new(start, bytes);
                groups.push(part.groups(&footer).len());
                copy.bucket(*rows, &footer, part).await.unwrap();
            }
            copy.add(&share.header.content);
        }
        assert_eq!(groups, [1, 0, 2, 1]);
        let made = |content, buckets| Made {
            fingerprint: made_from.clone(),
            content,
            counts: None,
            buckets,
        };
        copy.finish(made).await.unwrap();
        assert!(bytes(&root, &at).await == whole);
    }

    /// Any byte of it may be another one, or missing.
    #[tokio::test]
    async fn a_share_that_was_touched_is_known() {
        let root = Location::in_memory();
        let made_from = Fingerprint::new().with("unit_total", ["x"]);
        let of = Of::new("prices", &made_from);
        let key = of.key(&(0..2), 4);
        let batches = rows(20);
        let mut writer = Writer::with_buckets_apart(&root, &key, &batches[0].schema()).unwrap();
        writer.bucket(&batches).await.unwrap();
        writer.bucket(&[]).await.unwrap();
        let dates = (Vec::new(), NaiveDate::default());
        write(&root, &key, writer, (made_from, 0..2), dates, vec![7; 100]).await.unwrap();
        let objects: Vec<_> = root.store.list(None).try_collect().await.unwrap();
        let [object] = &objects[..] else { panic!("one object") };
        let good = bytes(&root, &object.location).await;
        let is_whole = async |bytes: Vec<u8>| {
            root.store.put(&object.location, bytes.into()).await.unwrap();
            let shares = Shares::list(&root, Some("prices")).await.unwrap();
            let Ok(share) = open(&root, &of, shares.of(&of, 4)[0]).await else { return false };
            let rows = share.bucket(0).await.is_ok() && share.bucket(1).await.is_ok();
            rows && share.footer().await.is_ok() && share.found().await.is_ok()
        };
        assert!(is_whole(good.to_vec()).await);
        for place in 0..good.len() {
            let mut changed = good.to_vec();
            changed[place] ^= 1 << (place % 8);
            assert!(!is_whole(changed).await, "byte {place}");
            assert!(!is_whole(good[..place].to_vec()).await, "cut at {place}");
        }
        let other = Of::new("prices", &Fingerprint::new());
        root.store.put(&object.location, good.into()).await.unwrap();
        let shares = Shares::list(&root, None).await.unwrap();
        let share = shares.of(&of, 4)[0];
        assert!(matches!(open(&root, &other, share).await, Err(Unusable::Damaged)));
    }
}
