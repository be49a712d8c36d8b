//! The same bits, however the rows are cut, ordered and aggregated.

use std::sync::Arc;

use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::session::{answer, table, with};

const EXACT: &str =
    "moments(w, x) AS a, moments(w, i) AS b, moments(w, x, y) AS c, moments(w, x, y, i, x) AS d,
    sketch(w, x) AS p, bootstrap(i, 20, 1, x, y) AS q, bootstrap_pooled(20, 1, i) AS r,
    exact_sum(x) AS e, exact_sum(i) AS f, exact_sum_state(x) AS h, moments_state(w, x, y) AS k";

#[tokio::test]
async fn partitions_batches_and_order_do_not_show() {
    let mut answers = Vec::new();
    for (partitions, batch, reverse) in
        [(1, 8192, false), (2, 100, true), (3, 1, false), (7, 64, true)]
    {
        let ctx =
            with(SessionConfig::new().with_target_partitions(partitions).with_batch_size(batch));
        table(&ctx, 5_000, 10, batch.min(1000), partitions, reverse);
        let grouped =
            answer(&ctx, &format!("SELECT g, {EXACT} FROM t GROUP BY g ORDER BY g")).await;
        let whole = answer(&ctx, &format!("SELECT {EXACT} FROM t")).await;
        assert_eq!(grouped.len(), 10);
        answers.push((grouped, whole));
    }
    for other in &answers[1..] {
        assert_eq!(other, &answers[0]);
    }
}

#[tokio::test]
async fn grouped_and_ungrouped_agree() {
    let ctx = with(SessionConfig::new().with_target_partitions(2));
    table(&ctx, 3_000, 5, 500, 2, false);
    let columns = format!(
        "{EXACT}, exact_sum(x) FILTER (WHERE y > 0) AS l, moments(w, x) FILTER (WHERE y > 0) AS m"
    );
    let grouped = answer(&ctx, &format!("SELECT {columns} FROM t GROUP BY g ORDER BY g")).await;
    for (g, row) in grouped.iter().enumerate() {
        let single = answer(&ctx, &format!("SELECT {columns} FROM t WHERE g = {g}")).await;
        assert_eq!(single, std::slice::from_ref(row), "group {g}");
    }
    // The recurrence, too: both adapters have one kernel. One partition, so that order is the same.
    let ctx = with(SessionConfig::new().with_target_partitions(1));
    table(&ctx, 3_000, 5, 500, 1, false);
    let grouped =
        answer(&ctx, "SELECT welford(x), welford(y, w) FROM t GROUP BY g ORDER BY g").await;
    for (g, row) in grouped.iter().enumerate() {
        let single =
            answer(&ctx, &format!("SELECT welford(x), welford(y, w) FROM t WHERE g = {g}")).await;
        assert_eq!(single, std::slice::from_ref(row), "group {g}");
    }
}

#[tokio::test]
async fn skipped_partial_aggregation_does_not_show() {
    let sql = "SELECT exact_sum(m.sum_1) AS a, exact_sum(m.m2_1) AS b, exact_sum(e) AS c, exact_sum(f) AS d, exact_sum(w.m2) AS h,
            count(e) AS n, exact_sum(m.n) AS k, exact_sum(l) AS l, count(l) AS o
        FROM (SELECT g, moments(w, x) AS m, exact_sum(x) AS e, exact_sum(i) AS f, welford(x) AS w,
                     exact_sum(x) FILTER (WHERE y > 0) AS l FROM t GROUP BY g)";
    let mut answers = Vec::new();
    for (ratio, rows) in [(0.8, 100_000), (2.0, 100_000), (0.0, 0)] {
        let mut config = SessionConfig::new().with_target_partitions(2);
        let options = &mut config.options_mut().execution;
        options.skip_partial_aggregation_probe_ratio_threshold = ratio;
        options.skip_partial_aggregation_probe_rows_threshold = rows;
        let ctx = with(config);
        table(&ctx, 400_000, 390_000, 8192, 2, false);
        answers.push(answer(&ctx, sql).await);
        let plan = answer(&ctx, &format!("EXPLAIN ANALYZE {sql}")).await.join(" ");
        let skipped = plan
            .split("skipped_aggregation_rows=")
            .skip(1)
            .any(|rest| !rest.starts_with("0,") && !rest.starts_with("0]"));
        assert_eq!(skipped, ratio < 1.0, "{plan}");
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

/// All functions, of thousands of groups: aggregated in two stages, in one, with each row its own partial state, and with
/// so little memory that groups go to disk.
#[tokio::test]
async fn forced_skipped_and_spilled_aggregation_do_not_show() {
    let query = format!(
        "SELECT g, {EXACT}, moments(w, x) FILTER (WHERE y > 0) AS s, bootstrap(i, 3, 1, x) FILTER (WHERE y > 0) AS t
         FROM t GROUP BY g"
    );
    let forced = |partitions| {
        let mut config =
            SessionConfig::new().with_target_partitions(partitions).with_batch_size(512);
        config.options_mut().execution.skip_partial_aggregation_probe_ratio_threshold = 2.0;
        config
    };
    let mut skipped = forced(2);
    skipped.options_mut().execution.skip_partial_aggregation_probe_ratio_threshold = 0.0;
    skipped.options_mut().execution.skip_partial_aggregation_probe_rows_threshold = 0;

    let mut answers = Vec::new();
    for (what, ctx, metric) in [
        ("one stage", with(forced(1)), None),
        ("two stages", with(forced(3)), None),
        ("skipped", with(skipped), Some("skipped_aggregation_rows=")),
        ("spilled", with_memory(forced(2), 24 << 20), Some("spill_count=")),
    ] {
        table(&ctx, 6_000, 2_500, 512, 2, false);
        if let Some(metric) = metric {
            let plan = answer(&ctx, &format!("EXPLAIN ANALYZE {query}")).await.join(" ");
            let counts = plan.split(metric).skip(1);
            let happened = counts.filter(|rest| !rest.starts_with("0,") && !rest.starts_with("0]"));
            assert!(happened.count() > 0, "{what}: {plan}");
        }
        // Sorted here: a sort in the engine would spill before the aggregation does.
        let mut rows = answer(&ctx, &query).await;
        rows.sort_unstable();
        assert_eq!(rows.len(), 2_500);
        answers.push((what, rows));
    }
    let (_, first) = &answers[0];
    for (what, rows) in &answers[1..] {
        assert!(rows == first, "{what} gives other bits than one stage");
    }
}

fn with_memory(config: SessionConfig, bytes: usize) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(bytes)))
        .build_arc()
        .unwrap();
    let ctx = SessionContext::new_with_config_rt(config, runtime);
    verdict_udaf::register_all(&ctx).unwrap();
    ctx
}
