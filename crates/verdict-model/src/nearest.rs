//! The word that was probably meant.

/// The word of `among` that is nearest to `word`: the one that the fewest insertions, deletions,
/// substitutions and swaps of neighbouring letters lead to (Damerau 1964; no letter edited twice). Case does
/// not count. The first of several equally near words; `None` when more than a third of the letters (and
/// more than one) would have to change.
pub fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = letters(word);
    among
        .into_iter()
        .filter_map(|candidate| {
            let letters = letters(candidate);
            let limit = (word.len().max(letters.len()) / 3).max(1);
            if word.len().abs_diff(letters.len()) > limit {
                return None;
            }
            let edits = edits(&word, &letters);
            (edits <= limit && edits < word.len().max(letters.len())).then_some((edits, candidate))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

fn letters(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).collect()
}

/// The least number of edits from `a` to `b`, by rows of the usual table; three rows are enough, since a swap
/// looks back two.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KEYS: [&str; 5] = ["name", "type", "baseline", "direction", "ds"];

    fn check(word: &str, expect: Option<&str>) {
        assert_eq!(nearest(word, KEYS), expect, "{word}");
    }

    #[test]
    fn one_edit_of_each_kind_is_near() {
        check("directoin", Some("direction"));
        check("direcion", Some("direction"));
        check("directiion", Some("direction"));
        check("direktion", Some("direction"));
        check("nmae", Some("name"));
    }

    #[test]
    fn case_does_not_count() {
        check("TYPE", Some("type"));
    }

    #[test]
    fn a_third_of_the_letters_may_change_but_not_more() {
        check("base_lime", Some("baseline"));
        check("vaselime", Some("baseline"));
        check("vasekime", None);
        check("owner", None);
        check("", None);
        check("d", Some("ds"));
        check("x", None);
    }

    #[test]
    fn the_first_of_equally_near_words() {
        assert_eq!(nearest("ab", ["ac", "ad"]), Some("ac"));
        assert_eq!(nearest("ab", []), None);
    }
}
