//! Rows below each other: the first column to the left, the others to the right, but for a last one without a heading.

/// The rows below their headings, as many columns as headings.
pub(crate) fn columns(headings: &[String], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).chain(headings.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &[String]| {
        let shown = cells.iter().zip(&widths).zip(headings).enumerate().map(
            |(at, ((cell, width), heading))| {
                let gap = " ".repeat(width - cell.chars().count().min(*width));
                if at == 0 || heading.is_empty() {
                    format!("{cell}{gap}")
                } else {
                    format!("{gap}{cell}")
                }
            },
        );
        shown.collect::<Vec<String>>().join("  ").trim_end().to_owned()
    };
    let lines = std::iter::once(line(headings)).chain(rows.iter().map(|row| line(row)));
    lines.collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn numbers_stand_below_each_other() {
        let headings = ["metric", "n", ""].map(str::to_owned);
        let rows = [["a", "1,000", "ok"], ["longer name", "5", ""]]
            .map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            columns(&headings, &rows),
            "metric           n\na            1,000  ok\nlonger name      5"
        );
    }
}
