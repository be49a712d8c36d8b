//! Results that can be verified in the head.

use crate::session::check;

const JOE: &str = "(VALUES (1, 14.0), (1, 9.0), (-1, 14.0), (1, 15.0)) AS t(w, x)";

#[tokio::test]
async fn moments_of_one_variable() {
    check(
        &format!("SELECT moments(w, x) FROM {JOE}"),
        &["{n: 2, sum_1: 24.0, mean_1: 12.0, m2_1: 18.0, nulls: 0}"],
    )
    .await;
    check(
        &format!("SELECT moments_mean(m), moments_var_samp(m, 1), moments_covar_samp(m, 1, 1) FROM (SELECT moments(w, x) AS m FROM {JOE})"),
        &["12.0 | 18.0 | 18.0"],
    )
    .await;
}

#[tokio::test]
async fn moments_of_two_and_four_variables() {
    let rows = "(VALUES (1, 2, 0), (2, 4, 0), (3, 5, 1), (4, 9, 1)) AS t(x, y, z)";
    check(
        &format!("SELECT moments(1, x, y) FROM {rows}"),
        &["{n: 4, sum_1: 10.0, sum_2: 20.0, mean_1: 2.5, mean_2: 5.0, m2_1: 5.0, m2_2: 26.0, co_12: 11.0, nulls: 0}"],
    )
    .await;
    check(
        &format!("SELECT m.n, m.co_12, m.co_34, m.m2_4, moments_covar_samp(m, 2, 1) = 11.0 / 3 FROM (SELECT moments(1, x, y, z, -x) AS m FROM {rows})"),
        &["4 | 11.0 | -2.0 | 5.0 | true"],
    )
    .await;
}

#[tokio::test]
async fn an_extreme_outlier_leaves_no_trace() {
    check(
        "SELECT moments(w, x), exact_sum(w * x) FROM (VALUES (1, 1.0), (1, 2.0), (1, 1e20), (-1, 1e20)) AS t(w, x)",
        &["{n: 2, sum_1: 3.0, mean_1: 1.5, m2_1: 0.5, nulls: 0} | 3.0"],
    )
    .await;
}

#[tokio::test]
async fn nothing() {
    let none = "(VALUES (1, 1.0, 1, x'')) AS t(w, x, i, b) WHERE w > 1";
    check(
        &format!("SELECT moments(w, x) FROM {none}"),
        &["{n: 0, sum_1: , mean_1: , m2_1: , nulls: 0}"],
    )
    .await;
    check(&format!("SELECT welford(x) FROM {none}"), &["{n: 0.0, mean: , m2: , nulls: 0}"]).await;
    check(
        &format!(
            "SELECT exact_sum(x), exact_sum(i), exact_sum_state(x), exact_sum_merge(b) FROM {none}"
        ),
        &["| | |"],
    )
    .await;
    check(
        &format!("SELECT moments_merge_1(b), moments_state(w, x) = x'4d0101000000_00' FROM {none}")
            .replace("_00", "0000"),
        &["{n: 0, sum_1: , mean_1: , m2_1: , nulls: 0} | true"],
    )
    .await;
    check("SELECT moments_mean(moments(1, x)), moments_var_samp(moments(1, x)) FROM (VALUES (1.0)) AS t(x) WHERE x > 1", &["|"]).await;
    check("SELECT moments(w, x)['n'], moments_mean(moments(w, x)) FROM (VALUES (1, 5.0), (-1, 5.0)) AS t(w, x)", &["0 |"]).await;
}

#[tokio::test]
async fn one_row_has_a_mean_and_no_variance() {
    check(
        "SELECT moments(1, x), moments_var_samp(moments(1, x)), welford(x) FROM (VALUES (0.1)) AS t(x)",
        &["{n: 1, sum_1: 0.1, mean_1: 0.1, m2_1: 0.0, nulls: 0} | | {n: 1.0, mean: 0.1, m2: 0.0, nulls: 0}"],
    )
    .await;
}

#[tokio::test]
async fn nulls_are_ignored() {
    check(
        "SELECT moments(w, x, y), exact_sum(x), welford(x, w), exact_sum(w)
         FROM (VALUES (1, 1.0, 1.0), (NULL, 2.0, 2.0), (1, NULL, 3.0), (1, 4.0, NULL), (1, 5.0, 5.0)) AS t(w, x, y)",
        &["{n: 2, sum_1: 6.0, sum_2: 6.0, mean_1: 3.0, mean_2: 3.0, m2_1: 8.0, m2_2: 8.0, co_12: 8.0, nulls: 3} | 12.0 | {n: 3.0, mean: 3.3333333333333335, m2: 8.666666666666666, nulls: 2} | 4"],
    )
    .await;
}

#[tokio::test]
async fn filters_filter() {
    check(
        "SELECT g, moments(1, x) FILTER (WHERE x < 5).n AS n, exact_sum(x) FILTER (WHERE x < 5) AS s, welford(x) FILTER (WHERE x = x AND x < 5).mean AS m
         FROM (VALUES (1, 1.0), (1, 7.0), (2, 9.0), (2, 'NaN'::double), (3, NULL)) AS t(g, x) GROUP BY g ORDER BY g"
            .replace("moments(1, x) FILTER (WHERE x < 5).n", "(moments(1, x) FILTER (WHERE x < 5))['n']")
            .replace("welford(x) FILTER (WHERE x = x AND x < 5).mean", "(welford(x) FILTER (WHERE x = x AND x < 5))['mean']")
            .as_str(),
        &["1 | 1 | 1.0 | 1.0", "2 | 0 | |", "3 | 0 | |"],
    )
    .await;
}

#[tokio::test]
async fn integers_stay_integers() {
    check(
        "SELECT exact_sum(x), arrow_typeof(exact_sum(x)), exact_sum(x = 1), arrow_typeof(exact_sum(x / 2.0))
         FROM (VALUES (9223372036854775807), (1), (-9223372036854775807)) AS t(x)",
        &["1 | Int64 | 1 | Float64"],
    )
    .await;
    // 2^53 + 1 is no double.
    check(
        "SELECT moments(1, x)['m2_1'] FROM (VALUES (9007199254740993), (9007199254740992)) AS t(x)",
        &["0.5"],
    )
    .await;
}

#[tokio::test]
async fn stored_states_merge_to_the_whole() {
    check(
        "WITH t AS (SELECT i % 7 AS g, 1.0 / i AS x, i * 0.1 AS y FROM (SELECT unnest(range(1, 1000)) AS i)),
              s AS (SELECT g, moments_state(1, x) AS m1, moments_state(1, x, y) AS m2, moments_state(1, x, y, x, y) AS m4, exact_sum_state(x) AS e FROM t GROUP BY g)
         SELECT (SELECT moments_merge_1(m1) FROM s) = (SELECT moments(1, x) FROM t),
                (SELECT moments_merge_2(m2) FROM s) = (SELECT moments(1, x, y) FROM t),
                (SELECT moments_merge_4(m4) FROM s) = (SELECT moments(1, x, y, x, y) FROM t),
                (SELECT exact_sum_merge(e) FROM s) = (SELECT exact_sum(x) FROM t)",
        &["true | true | true | true"],
    )
    .await;
}

#[tokio::test]
async fn weights_of_welford_are_real() {
    check(
        "SELECT welford(x, w) FROM (VALUES (1.0, 0.5), (3.0, 0.5), (9.0, 0.0)) AS t(x, w)",
        &["{n: 1.0, mean: 2.0, m2: 1.0, nulls: 0}"],
    )
    .await;
}

#[tokio::test]
async fn ignored_rows_are_counted() {
    check(
        "SELECT g, moments(w, x)['nulls'] AS a, welford(x)['nulls'] AS b, (moments(1, x) FILTER (WHERE g > 1))['nulls'] AS c, bootstrap(g, 5, 1, x)['nulls'] AS d
         FROM (VALUES (1, 1, 1.0), (1, NULL, 2.0), (1, 1, NULL), (2, NULL, NULL), (3, 1, 1.0)) AS t(g, w, x) GROUP BY g ORDER BY g",
        &["1 | 2 | 1 | 0 | 1", "2 | 1 | 1 | 1 | 1", "3 | 0 | 0 | 0 | 0"],
    )
    .await;
    check(
        "SELECT moments(w, x)['nulls'] AS a, welford(x)['nulls'] AS b
         FROM (VALUES (1, 1, 1.0), (1, NULL, 2.0), (1, 1, NULL), (2, NULL, NULL), (3, 1, 1.0)) AS t(g, w, x)",
        &["3 | 2"],
    )
    .await;
}

#[tokio::test]
async fn replicates_follow_the_weights_of_the_units() {
    // The fixed weights of unit 0 with seed 0.
    check(
        "SELECT bootstrap(u, 8, 0, x) FROM (VALUES (0, 2.5)) AS t(u, x)",
        &["{units: 1, n: [1, 1, 0, 3, 3, 2, 1, 2], sum_1: [2.5, 2.5, 0.0, 7.5, 7.5, 5.0, 2.5, 5.0], nulls: 0}"],
    )
    .await;
    // The same unit has the same weights in every table and with other variables; text and numbers differ.
    check(
        "SELECT (SELECT bootstrap(u, 100, 7, 1.0)['n'] FROM (VALUES ('anna'), ('bert')) AS t(u))
              = (SELECT bootstrap(u, 100, 7, x, x * x)['n'] FROM (VALUES ('bert', 0.1), ('anna', 0.2)) AS t(u, x)) AS a,
                (SELECT bootstrap('1', 100, 7)['n']) = (SELECT bootstrap(1, 100, 7)['n']) AS b",
        &["true | false"],
    )
    .await;
    check(
        "SELECT bootstrap(u, 2, 7, x), bootstrap_pooled(2, 7, x) FROM (VALUES (0, 2.5)) AS t(u, x) WHERE u > 0",
        &["{units: 0, n: [0, 0], sum_1: [0.0, 0.0], nulls: 0} | {units: 0, n: [0, 0], sum_1: [0.0, 0.0], nulls: 0}"],
    )
    .await;
}

#[tokio::test]
async fn sketches_merge_and_have_quantiles() {
    check(
        "WITH t AS (SELECT unnest(range(1, 1001)) AS i),
              s AS (SELECT i % 7 AS g, sketch(1, i) AS s FROM t GROUP BY i % 7)
         SELECT (SELECT sketch_merge(s) FROM s) = (SELECT sketch(1, i) FROM t) AS a,
                abs((SELECT sketch_quantile(sketch_merge(s), 0.95) FROM s) / 950 - 1) <= 0.005 AS b,
                abs((SELECT sketch_quantile(sketch(1, -i, 0.05), 0) FROM t) / -1000 - 1) <= 0.05 AS c",
        &["true | true | true"],
    )
    .await;
    check(
        "SELECT sketch_quantile(sketch(w, x), 0.5) FROM (VALUES (1, 0.0), (1, 5.0), (-1, 5.0)) AS t(w, x)",
        &["0.0"],
    )
    .await;
    check(
        "SELECT sketch_quantile(sketch(w, x), 0.5), sketch_merge(NULL), sketch_quantile(NULL, 0.5) FROM (VALUES (1, 0.0)) AS t(w, x) WHERE w > 1",
        &["| |"],
    )
    .await;
}
