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
        "SELECT g, moments(w, x) OVER o AS a, moments(w, i, x) OVER o AS b, exact_sum(x) OVER o AS c, exact_sum(i) OVER o AS d,
                sketch(w, x) OVER o AS e, bootstrap(i, 9, 1, x) OVER o AS f, bootstrap_pooled(9, 1, x, y) OVER o AS h,
                moments_state(w, x) OVER o AS j, exact_sum_state(x) OVER o AS k
         FROM t WINDOW o AS (ORDER BY g ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) ORDER BY g",
    )
    .await;
    for (g, row) in slid.iter().enumerate().step_by(37) {
        let fresh = answer(
            &ctx,
            &format!(
                "SELECT {g}, moments(w, x) AS a, moments(w, i, x) AS b, exact_sum(x) AS c, exact_sum(i) AS d,
                        sketch(w, x) AS e, bootstrap(i, 9, 1, x) AS f, bootstrap_pooled(9, 1, x, y) AS h,
                        moments_state(w, x) AS j, exact_sum_state(x) AS k
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
        "SELECT (moments_merge_1(m) OVER w)['sum_1'] AS s, exact_sum_merge(e) OVER w AS t, round(sketch_quantile(sketch_merge(q) OVER w, 1), 1) AS u
         FROM (SELECT i, moments_state(1, x) AS m, exact_sum_state(x) AS e, sketch(1, x) AS q FROM (VALUES (1, 1e100), (2, 1.5), (3, 2.5)) AS t(i, x) GROUP BY i)
         WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY i OFFSET 2",
        &["4.0 | 4.0 | 2.5"],
    )
    .await;
}

#[tokio::test]
async fn a_window_that_empties_is_as_new() {
    let ctx = with(SessionConfig::new().with_target_partitions(1));
    // Rows alternate with NULLs, and the window is the row before: each second window has lost its only row.
    let slid = answer(
        &ctx,
        "SELECT moments(1, x) OVER w AS a, welford(x) OVER w AS b, exact_sum(x) OVER w AS c, sketch(1, x) OVER w AS d,
                bootstrap(i, 9, 1, x) OVER w AS e, bootstrap_pooled(9, 1, x) OVER w AS f, exact_sum(i * x) OVER w AS g
         FROM (VALUES (1, 0.1), (2, NULL), (3, 1e300), (4, NULL), (5, 1e-300), (6, NULL), (7, 3.0)) AS t(i, x)
         WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) ORDER BY i",
    )
    .await;
    // The window of row i + 1, which is slid[i], is row i.
    for (i, slid) in slid.iter().enumerate().skip(1) {
        let fresh = answer(
            &ctx,
            &format!(
                "SELECT moments(1, x) AS a, welford(x) AS b, exact_sum(x) AS c, sketch(1, x) AS d,
                        bootstrap(i, 9, 1, x) AS e, bootstrap_pooled(9, 1, x) AS f, exact_sum(i * x) AS g
                 FROM (VALUES (1, 0.1), (2, NULL), (3, 1e300), (4, NULL), (5, 1e-300), (6, NULL), (7, 3.0)) AS t(i, x)
                 WHERE i = {i}"
            ),
        )
        .await;
        assert_eq!(&fresh[0], slid, "the window is row {i}");
    }
}
