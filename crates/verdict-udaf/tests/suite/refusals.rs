//! What is refused, and how it says so.

use crate::session::{check, refused};

const T: &str = "(VALUES (1, 2.0, 'a', x'00'), (2, 3.0, 'b', x'00')) AS t(w, x, s, b)";

/// A call of each aggregate function whose order or repetition of rows could be asked for.
const CALLS: [&str; 21] = [
    "moments(w, x)",
    "moments_state(w, x)",
    "moments_merge_1(b)",
    "moments_merge_2(b)",
    "moments_merge_4(b)",
    "exact_sum(x)",
    "exact_sum_state(x)",
    "exact_sum_merge(b)",
    "welford(x)",
    "bootstrap(w, 5, 1, x)",
    "bootstrap_pooled(5, 1, x)",
    "sketch(w, x)",
    "sketch_merge(b)",
    "distribution_state(w, x)",
    "distribution_merge(b)",
    "exact_values_state(w, x)",
    "exact_values_merge(b)",
    "exact_pairs_state(w, x, x)",
    "exact_pairs_merge(b)",
    "categories_state(w, s)",
    "categories_merge(b)",
];

#[tokio::test]
async fn distinct_and_order_by() {
    for call in CALLS {
        let (name, arguments) = call.split_once('(').unwrap();
        let arguments = arguments.trim_end_matches(')');
        for from in ["", " GROUP BY w"] {
            let sql = format!("SELECT {name}(DISTINCT {arguments}) FROM {T}{from}");
            refused(&sql, &format!("`{name}` does not take DISTINCT")).await;
            let sql = format!("SELECT {name}({arguments} ORDER BY w DESC) FROM {T}{from}");
            refused(&sql, &format!("`{name}` does not take ORDER BY")).await;
        }
    }
}

#[tokio::test]
async fn what_is_not_finite() {
    for value in ["'NaN'", "'inf'", "'-inf'"] {
        for call in [
            "exact_sum(x)",
            "exact_sum_state(x)",
            "moments(1, x)",
            "moments(1, y, x)",
            "moments(1, y, y, x, y)",
            "moments_state(1, x)",
            "welford(x)",
            "welford(y, x)",
            "sketch(1, x)",
            "distribution_state(1, x)",
            "exact_values_state(1, x)",
            "exact_pairs_state(1, y, x)",
            "bootstrap(g, 5, 1, y, x)",
            "bootstrap_pooled(5, 1, y, x)",
        ] {
            // The column is named, under any alias, grouped or not; a filter excludes the row.
            let t = format!("(VALUES (1, 2.0, 1.0), (1, 3.0, {value}::double)) AS t(g, y, x)");
            let name = call.split_once('(').unwrap().0;
            for (sql, function) in [
                (format!("SELECT {call} FROM {t}"), format!("`{name}(")),
                (format!("SELECT {call} AS revenue FROM {t} GROUP BY g"), "`".to_owned()),
            ] {
                refused(&sql, &format!("NaN or infinite value in `x` of {function}")).await;
                refused(&sql, "exclude such rows with a FILTER").await;
            }
            let filtered = format!("{call} FILTER (WHERE y < 3)");
            let one = format!("SELECT {filtered} = (SELECT {call} FROM {t} WHERE y < 3) FROM {t}");
            check(&one, &["true"]).await;
            check(&format!("{one} GROUP BY g"), &["true"]).await;
        }
    }
    refused(
        "SELECT exact_sum(x * 2) FROM (VALUES ('NaN'::double)) AS t(x)",
        "in `x * 2` of `exact_sum(t.x * ",
    )
    .await;
}

#[tokio::test]
async fn wrong_arguments() {
    for (call, because) in [
        ("moments(w)", "takes a weight and 1, 2, 3, 4 or 6 variables"),
        ("moments(w, x, x, x, x, x)", "takes a weight and 1, 2, 3, 4 or 6 variables"),
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
        ("distribution_state(w)", "distribution_state(weight, x)"),
        ("distribution_state(x, x)", "is a whole number (BIGINT)"),
        ("distribution_state(w, b)", "another kind, shape or version"),
        ("distribution_state(w, s)", "takes numbers"),
        ("exact_values_state(w)", "exact_values_state(weight, x)"),
        ("exact_pairs_state(w, x)", "exact_pairs_state(weight, x, y)"),
        ("exact_pairs_merge(b)", "another kind, shape or version"),
        ("exact_values_state(x, x)", "is a whole number (BIGINT)"),
        ("exact_values_state(w, s)", "takes numbers"),
        ("exact_values_merge(b)", "another kind, shape or version"),
        ("categories_state(w)", "categories_state(weight, text)"),
        ("categories_state(x, s)", "is a whole number (BIGINT)"),
        ("categories_state(w, x)", "takes a text"),
        ("categories_merge(b)", "another kind, shape or version"),
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
