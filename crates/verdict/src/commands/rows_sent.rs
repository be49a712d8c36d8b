//! Rows of a query on their way from a worker: bytes in a message that is JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use verdict_job::PartRows;

/// As they are sent.
pub(super) fn sent(rows: PartRows) -> Vec<Option<String>> {
    rows.into_iter().map(|part| part.map(|bytes| BASE64_STANDARD.encode(bytes))).collect()
}

/// What was sent; `None`: it is no rows.
pub(super) fn received(value: Value) -> Option<PartRows> {
    let parts: Vec<Option<String>> = serde_json::from_value(value).ok()?;
    let bytes = |part: Option<String>| part.map(|text| BASE64_STANDARD.decode(text)).transpose();
    parts.into_iter().map(bytes).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_received_and_nothing_else() {
        let rows = vec![Some(vec![0, 255, 7]), None, Some(Vec::new())];
        assert_eq!(received(serde_json::json!(sent(rows.clone()))), Some(rows));
        for wrong in [serde_json::json!({"made": 1}), serde_json::json!(["no base64!"])] {
            assert_eq!(received(wrong), None);
        }
    }
}
