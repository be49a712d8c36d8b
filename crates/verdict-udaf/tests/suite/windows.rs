//! Sliding windows retract what leaves them.

use datafusion::prelude::SessionConfig;

use crate::session::{answer, check, table, with};

#[tokio::test]
async fn an_outlier_leaves_the_window() {
    check(
        "SELECT i, moments(1, x) OVER w AS m, exact_sum(x) OVER w AS s, welford(y) OVER w AS v, exact_sum(i) OVER w AS n
         FROM (VALUES (1, 1.0, 1.0), (2, 1e20, 3.0), (3, 0.1, 5.0), (4, 0.1, 9.0), (5, NULL, NULL), (6, NULL, NULL)) AS t(i, x, y)
         WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY i",
        &[
            "1 | {n: 1, sum_1: 1.0, mean_1: 1.0, m2_1: 0.0, nulls: 0} | 1.0 | {n: 1.0, mean: 1.0, m2: 0.0, nulls: 0} | 1",
            "2 | {n: 2, sum_1: 1e20, mean_1: 5e19, m2_1: 5e39, nulls: 0} | 1e20 | {n: 2.0, mean: 2.0, m2: 2.0, nulls: 0} | 3",
            "3 | {n: 2, sum_1: 1e20, mean_1: 5e19, m2_1: 5e39, nulls: 0} | 1e20 | {n: 2.0, mean: 4.0, m2: 2.0, nulls: 0} | 5",
            "4 | {n: 2, sum_1: 0.2, mean_1: 0.1, m2_1: 0.0, nulls: 0} | 0.2 | {n: 2.0, mean: 7.0, m2: 8.0, nulls: 0} | 7",
            "5 | {n: 1, sum_1: 0.1, mean_1: 0.1, m2_1: 0.0, nulls: 1} | 0.1 | {n: 1.0, mean: 9.0, m2: 0.0, nulls: 1} | 9",
            "6 | {n: 0, sum_1: , mean_1: , m2_1: , nulls: 2} | | {n: 0.0, mean: , m2: , nulls: 2} | 11",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_window_equals_its_rows() {
    let ctx = with(SessionConfig::new().with_target_partitions(1));
    table(&ctx, 300, 1_000_000, 64, 1, false);
    let slid = answer(
        &ctx,
        "SELECT g, moments(w, x) OVER o AS a, moments(w, i, x) OVER o AS b, exact_sum(x) OVER o AS c, exact_sum(i) OVER o AS d
         FROM t WINDOW o AS (ORDER BY g ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) ORDER BY g",
    )
    .await;
    for (g, row) in slid.iter().enumerate().step_by(37) {
        let fresh = answer(
            &ctx,
            &format!(
                "SELECT {g}, moments(w, x) AS a, moments(w, i, x) AS b, exact_sum(x) AS c, exact_sum(i) AS d
                 FROM t WHERE g BETWEEN {g} - 9 AND {g}"
            ),
        )
        .await;
        assert_eq!(fresh, std::slice::from_ref(row));
    }
}

#[tokio::test]
async fn stored_states_slide_too() {
    check(
        "SELECT (moments_merge_1(m) OVER w)['sum_1'] AS s, exact_sum_merge(e) OVER w AS t
         FROM (SELECT i, moments_state(1, x) AS m, exact_sum_state(x) AS e FROM (VALUES (1, 1e100), (2, 1.5), (3, 2.5)) AS t(i, x) GROUP BY i)
         WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY i OFFSET 2",
        &["4.0 | 4.0"],
    )
    .await;
}
