//! What is refused, and how it says so.

use crate::session::refused;

const T: &str = "(VALUES (1, 2.0, 'a'), (2, 3.0, 'b')) AS t(w, x, s)";

#[tokio::test]
async fn distinct_and_order_by() {
    for call in [
        "exact_sum(DISTINCT x)",
        "moments(DISTINCT w, x)",
        "welford(DISTINCT x)",
        "exact_sum_state(DISTINCT x)",
        "sketch(DISTINCT w, x)",
        "bootstrap(DISTINCT w, 5, 1, x)",
    ] {
        refused(&format!("SELECT {call} FROM {T}"), "does not take DISTINCT").await;
        refused(&format!("SELECT w, {call} FROM {T} GROUP BY w"), "does not take DISTINCT").await;
    }
    for call in
        ["exact_sum(x ORDER BY w)", "moments(w, x ORDER BY x)", "welford(x ORDER BY x DESC)"]
    {
        refused(&format!("SELECT {call} FROM {T}"), "does not take ORDER BY").await;
    }
}

#[tokio::test]
async fn what_is_not_finite() {
    for value in ["'NaN'", "'inf'", "'-inf'"] {
        for call in [
            "exact_sum(x)",
            "exact_sum_state(x)",
            "moments(1, x)",
            "moments(1, 1.0, x)",
            "welford(x)",
            "sketch(1, x)",
            "bootstrap(1, 5, 1, x)",
            "bootstrap_pooled(5, 1, x)",
        ] {
            let t = format!("(VALUES (1, 1.0), (1, {value}::double)) AS t(g, x)");
            refused(&format!("SELECT {call} FROM {t}"), "NaN or infinite value in `").await;
            refused(
                &format!("SELECT g, {call} FROM {t} GROUP BY g"),
                "exclude such rows with a FILTER",
            )
            .await;
        }
    }
    refused("SELECT exact_sum(x) FROM (VALUES ('NaN'::double)) AS t(x)", "in `exact_sum(t.x)`")
        .await;
}

#[tokio::test]
async fn wrong_arguments() {
    for (call, because) in [
        ("moments(w)", "takes a weight and 1, 2 or 4 variables"),
        ("moments(w, x, x, x)", "takes a weight and 1, 2 or 4 variables"),
        ("moments(x, x)", "is a whole number (BIGINT)"),
        ("moments(w, s)", "takes numbers"),
        ("exact_sum(s)", "takes numbers"),
        ("exact_sum(x, x)", "takes one argument"),
        ("welford(x, x, x)", "welford(x[, weight])"),
        ("bootstrap(w, x, 1, x)", "takes a unit, two whole numbers and variables"),
        ("bootstrap(x, 10, 1, x)", "the unit of `bootstrap` is text or BIGINT"),
        ("bootstrap(w, w, 1, x)", "are literals"),
        ("bootstrap(w, 10001, 1, x)", "not within 1 to 10000"),
        ("bootstrap_pooled(10, 1)", "bootstrap_pooled(replicates, seed, x1 …)"),
        ("sketch(w)", "sketch(weight, x[, relative_error])"),
        ("sketch(x, x)", "is a whole number (BIGINT)"),
        ("sketch(w, x, x)", "is a literal"),
        ("sketch(w, x, 0.9)", "not within 0.00001 to 0.5"),
        ("sketch_quantile(sketch(w, x), 2)", "is not within 0 to 1"),
        ("sketch_quantile(x, 0.5)", "takes a sketch (BINARY)"),
        ("sketch_merge(moments_state)", "another kind, shape or version"),
        ("moments_merge_1(x)", "takes a stored state"),
        ("moments_mean(x)", "moments_mean(moments[, i])"),
        ("moments_mean(moments(w, x), 2)", "with a field mean_2"),
        ("moments_mean(moments(w, x), 0)", "literals from 1 on"),
        ("moments_covar_samp(moments(w, x))", "moments_covar_samp(moments, i, j)"),
        ("moments_merge_2(moments_state)", "another kind, shape or version"),
        ("exact_sum_merge(moments_state)", "another kind, shape or version"),
    ] {
        let sql = if call.contains("(moments_state") {
            format!("SELECT {call} FROM (SELECT moments_state(w, x) AS moments_state FROM {T})")
        } else {
            format!("SELECT {call} FROM {T}")
        };
        refused(&sql, because).await;
    }
}

#[tokio::test]
async fn totals_that_do_not_fit() {
    refused(
        "SELECT exact_sum(x) FROM (VALUES (9223372036854775807), (1)) AS t(x)",
        "does not fit in BIGINT",
    )
    .await;
    refused(
        "SELECT exact_sum(x) FROM (VALUES (1.7e308), (1.7e308)) AS t(x)",
        "beyond the largest DOUBLE",
    )
    .await;
    refused(
        "SELECT moments(1, x) FROM (VALUES (1e200), (-1e200)) AS t(x)",
        "beyond the largest DOUBLE",
    )
    .await;
    refused(
        "SELECT moments(9223372036854775807, x) FROM (VALUES (1), (1)) AS t(x)",
        "does not fit in BIGINT",
    )
    .await;
}
