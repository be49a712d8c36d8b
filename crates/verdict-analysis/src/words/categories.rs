//! The shares of a categorical metric in two arms, and what its test found.

use verdict_model::rows::ResultRow;

use super::{count, number, share, short, signed, significant_digits};

/// A category that was compared, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The category; `(other)` are those that were too rare to be compared alone.
    pub category: String,
    /// Its share of the control's units: `48.00%`.
    pub control: String,
    /// How many units of the control those are.
    pub control_units: String,
    /// Its share of the variant's units.
    pub variant: String,
    /// How many units of the variant those are.
    pub variant_units: String,
    /// The variant's share less the control's: `+4.00 points`.
    pub difference: String,
}

/// Every category that was compared, the largest first; empty for a row that is of none, or that compared nothing.
#[must_use]
pub fn shares(row: &ResultRow) -> Vec<Share> {
    let of = &row.categories;
    let counts =
        of.category_count_control.iter().flatten().zip(of.category_count_variant.iter().flatten());
    let all = |counts: &Option<Vec<i64>>| -> i64 {
        counts.iter().flatten().fold(0_i64, |sum, n| sum.saturating_add(*n)).max(1)
    };
    let (control, variant) = (all(&of.category_count_control), all(&of.category_count_variant));
    let shown = |(category, (c, v)): (&String, (&i64, &i64))| {
        let difference = 100.0 * (*v as f64 / variant as f64 - *c as f64 / control as f64);
        Share {
            category: category.clone(),
            control: share(*c, control),
            control_units: count(*c),
            variant: share(*v, variant),
            variant_units: count(*v),
            difference: format!("{} points", signed(difference, 2)),
        }
    };
    of.category.iter().flatten().zip(counts).map(shown).collect()
}

/// `chi-squared 1.922 with 2 degrees of freedom`; `None`: no categories were tested.
#[must_use]
pub fn chi_squared(row: &ResultRow) -> Option<String> {
    row.categories.cramers_v?;
    let df = row.df?;
    let degrees = if df == 1.0 { "degree" } else { "degrees" };
    let statistic = short(significant_digits(row.statistic?, 4));
    Some(format!("chi-squared {statistic} with {} {degrees} of freedom", number(df, 0)))
}

#[cfg(test)]
mod tests {
    use verdict_model::rows::ComparedCategories;

    use super::super::tests::row;
    use super::*;

    /// 120, 90 and 40 of 250 against 110, 105 and 35 of 250: 48% against 44%, and so on.
    #[test]
    fn shares_stand_beside_each_other() {
        let categories = ComparedCategories {
            category: Some(["card", "cash", "bank"].map(str::to_owned).to_vec()),
            category_count_control: Some(vec![120, 90, 40]),
            category_count_variant: Some(vec![110, 105, 35]),
            cramers_v: Some(0.062),
        };
        let row = ResultRow { statistic: Some(1.921_962), df: Some(2.0), categories, ..row() };
        let told = shares(&row);
        let line = |at: usize| {
            let one = &told[at];
            [&*one.category, &one.control, &one.control_units, &one.variant, &one.difference]
        };
        assert_eq!(told.len(), 3);
        assert_eq!(line(0), ["card", "48.00%", "120", "44.00%", "-4.00 points"]);
        assert_eq!(line(1), ["cash", "36.00%", "90", "42.00%", "+6.00 points"]);
        assert_eq!(
            chi_squared(&row).as_deref(),
            Some("chi-squared 1.922 with 2 degrees of freedom")
        );
    }

    #[test]
    fn other_rows_have_no_shares() {
        assert_eq!((shares(&row()), chi_squared(&row())), (Vec::new(), None));
    }
}
