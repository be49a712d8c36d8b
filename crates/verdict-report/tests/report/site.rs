//! The site, file by file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use verdict_model::NaiveDate;
use verdict_report::{Entry, FileNames, Page, Site, SiteFile};

use crate::gallery::{gallery, thousand};

/// Every state once, for all tests: judging them takes longer than looking at them.
pub(crate) static PAGES: LazyLock<Vec<Page>> = LazyLock::new(gallery);

pub(crate) fn named(name: &str) -> &'static Page {
    PAGES.iter().find(|page| page.judged.experiment.name.value == name).unwrap()
}

fn site() -> Site {
    let as_of = NaiveDate::from_ymd_opt(2026, 3, 29).unwrap();
    Site { project: "shop & <sons>".into(), as_of, version: "0.1.0".into() }
}

pub(crate) fn files(pages: &[Page]) -> Vec<SiteFile> {
    let (site, mut names) = (site(), FileNames::default());
    let (mut files, mut entries) = (Vec::new(), Vec::new());
    for page in pages {
        let name = names.next(&page.judged.experiment.name.value);
        files.extend(site.experiment(page, &name));
        entries.push(Entry::of(page, &name));
    }
    files.push(site.index(&entries, &[]));
    files
}

/// The gallery and an index of a thousand experiments, in a folder that stays, to be looked at.
pub(crate) fn written() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("site");
    let mut all = files(&PAGES);
    let index = files(&thousand()).pop().unwrap();
    all.push(SiteFile { path: "thousand.html".into(), text: index.text });
    for file in all {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.text).unwrap();
    }
    folder
}

fn html_of(name: &str) -> String {
    site()
        .experiment(named(name), name)
        .into_iter()
        .find(|f| f.path.ends_with(".html"))
        .unwrap()
        .text
}

#[test]
fn every_decision_has_its_page_with_its_reasons() {
    for (name, headline) in [
        ("significant", "Ship"),
        ("not_significant", "Inconclusive"),
        ("worse", "Don&#39;t ship"),
        ("guardrail_violated", "Don&#39;t ship"),
        ("invalid", "Invalid"),
        ("too_early", "Continue"),
        ("not_practical", "Significant, but not worth it"),
    ] {
        let html = html_of(name).replace("Don't", "Don&#39;t");
        let decision = &named(name).judged.decisions[0];
        assert!(html.contains(headline), "{name} has {}, not {headline}", decision.decision);
        // The deciding reason is there as it was given.
        let reason =
            decision.reasons[0].replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        // The page sets signs where the table has hyphens, and code where it has backticks.
        let told = html.replace('−', "-").replace("<code>", "`").replace("</code>", "`");
        assert!(told.contains(&reason), "{name}: no {reason}");
        let why = html.split("What would change it").next().unwrap_or_default();
        assert!(!why.contains('`') && !why.contains("obrien_fleming boundary"), "{name}: {why}");
        assert!(html.contains("What would change it"), "{name}");
    }
    assert!(html_of("invalid").contains("A check failed."));
    // Above the metrics and the segments as well.
    assert_eq!(html_of("invalid").matches("what is found here decides nothing").count(), 2);
    assert_eq!(html_of("significant").matches("what is found here decides nothing").count(), 0);
    let nothing = html_of("never_run");
    for said in [
        "Nothing has been decided",
        "<code>verdict run</code> makes them",
        "The guardrails have no results yet",
        "no results by segment yet",
    ] {
        assert!(nothing.contains(said), "no {said}");
    }
}

/// Of many variants what asks for attention is seen first, and reasons are unfolded one by one.
#[test]
fn many_variants_are_told_in_short() {
    let (many, few) = (html_of("twenty_variants"), html_of("five_variants"));
    let folded = "<summary>Why, and what would change it</summary>";
    assert_eq!(many.matches(folded).count(), 20);
    assert_eq!(few.matches(folded).count(), 0);
    assert!(many.contains("4.76% each of 21 variants") && few.contains("red 16.7%"));
    let mut page = named("five_variants").clone();
    let last = page.judged.decisions.last_mut().unwrap();
    last.decision = "ship".into();
    let html = site().experiment(&page, "sorted").remove(0).text;
    let first = html.split("<article").nth(1).unwrap();
    assert!(first.contains("Ship") && first.contains("grey"), "{first}");
}

/// An index whose experiments could not all be read says which; a number that is not to be trusted looks like no finding.
#[test]
fn an_index_says_what_it_does_not_show() {
    let entries = [Entry::of(named("invalid"), "invalid"), Entry::of(named("significant"), "s")];
    let index = site().index(&entries, &["lost_one".into()]).text;
    assert!(index.contains("Not shown: ") && index.contains("lost_one"), "{index}");
    let row = |name: &str| {
        let row = index.split("<tr").find(|row| row.contains(&format!("data-name=\"{name}\"")));
        row.unwrap_or_else(|| panic!("no {name} in {index}")).to_owned()
    };
    assert!(row("invalid").contains("interval neutral") && !row("invalid").contains("dot found"));
    assert!(
        row("significant").contains("interval good") && row("significant").contains("dot found")
    );
    let nothing = site().index(&[], &["lost_one".into()]).text;
    assert!(!nothing.contains("defines no experiments"), "{nothing}");
}

/// Names, hypotheses and values are what logs and files say: none of them may become markup.
#[test]
fn names_are_never_markup() {
    let html = html_of("markup");
    for raw in ["<script>alert", "<img src=x", "</title><img", "<off>", "<i>de</i>"] {
        assert!(!html.contains(raw), "{raw} is markup");
    }
    for escaped in
        ["&lt;/title&gt;&lt;img src=x onerror=alert(1)&gt;", "&lt;off&gt;", "&lt;i&gt;de&lt;/i&gt;"]
    {
        assert!(html.contains(escaped), "no {escaped}");
    }
    let attributes =
        html.split("aria-label=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    assert!(
        attributes.clone().any(|a| a.contains("&quot;on&quot;")),
        "{:?}",
        attributes.collect::<Vec<_>>()
    );
    let index = files(std::slice::from_ref(named("markup"))).pop().unwrap().text;
    assert!(index.contains("shop &amp; &lt;sons&gt;") && !index.contains("<img"));
}

/// A page is one file: what it refers to is inside it, or is another page that a reader may follow.
#[test]
fn nothing_is_loaded_from_anywhere() {
    for file in files(&PAGES).iter().filter(|file| file.path.ends_with(".html")) {
        let text = &file.text;
        for tag in ["<script src", "<iframe", "<object", "@import", "url("] {
            assert!(!text.contains(tag), "{}: {tag}", file.path);
        }
        for (attribute, allowed) in
            [("src=\"", &[][..]), ("href=\"", &["#", "data:", "../index.html", "experiments/"][..])]
        {
            for value in text.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
                let beside = value.ends_with(".csv") || value.ends_with(".json");
                let own = allowed.iter().any(|start| value.starts_with(start));
                assert!(
                    own || (beside && !value.contains(':')),
                    "{}: {attribute}{value}",
                    file.path
                );
            }
        }
    }
}

/// Browsers take the first of two elements with one id; labels would then name the wrong thing.
#[test]
fn ids_are_distinct_and_labels_lead_somewhere() {
    for file in files(&PAGES).iter().filter(|file| file.path.ends_with(".html")) {
        let values = |attribute: &str| -> Vec<String> {
            let begins = format!(" {attribute}=\"");
            let rest = file.text.split(&begins).skip(1);
            rest.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
        };
        let ids = values("id");
        let distinct: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "{}: an id twice", file.path);
        for label in values("aria-labelledby").iter().flat_map(|ids| ids.split(' ')) {
            assert!(distinct.contains(&label.to_owned()), "{}: no element {label}", file.path);
        }
    }
}

/// Who reads an estimate sees what was done to it, what it was before, and what the plan said.
#[test]
fn adjusted_metrics_show_both_estimates_and_their_definitions() {
    let html = html_of("adjusted");
    // A correlation of 0.6 leaves 64% of the capped variance, 11.5²; without caps it is 20².
    // 0.64 times 11.5² over 20² is 0.2116.
    for text in [
        "capped, then CUPED",
        "at most 120: 0.4% of units",
        "79% less",
        "What was adjusted, and what the estimates are without",
        "Over days 0 to 6 after the exposure",
        "Units&#39; totals above 120 count as 120.",
        "over the 14 days before the day of exposure (CUPED)",
        "days 0 to 6,",
    ] {
        let plain = text.replace("&#39;", "'");
        assert!(html.contains(text) || html.contains(&plain), "no {text}");
    }
    assert!(!html_of("significant").contains("What was adjusted"));
}

/// Who reads that shares differ sees which they are, and how the test came to it.
#[test]
fn categorical_metrics_show_their_shares() {
    let html = html_of("categories");
    for text in [
        "Shares of method: on against off",
        "&lt;b&gt;cash|bar&lt;/b&gt;",
        "chi-squared ",
        "with 2 degrees of freedom",
        "shares differ",
        "V 0.0",
        "20.00%",
    ] {
        assert!(html.contains(text), "no {text}");
    }
    assert!(!html.contains("<b>cash"));
    assert!(!html_of("significant").contains("Shares of"));
}

/// Each table of the page as CSV: the same numbers, a line each below the names of its columns.
#[test]
fn every_drawing_can_be_downloaded() {
    let page = named("guardrail_violated");
    let files = site().experiment(page, "x");
    let of = |ending: &str| {
        let file = files.iter().find(|f| f.path == format!("experiments/x.{ending}"));
        let text = &file.unwrap_or_else(|| panic!("no {ending}")).text;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let heads: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        (heads, reader.records().map(Result::unwrap).collect::<Vec<csv::StringRecord>>())
    };
    let (heads, rows) = of("cohorts.csv");
    assert_eq!(heads[..3], ["exposed_ds", "days_since", "variant"]);
    assert_eq!(rows.len(), page.cohorts.len());
    for (row, cohort) in rows.iter().zip(&page.cohorts) {
        assert_eq!(row[0], cohort.exposed.to_string());
        assert_eq!(row[5].parse::<f64>().unwrap(), cohort.lift);
    }
    let (_, rows) = of("exposures.csv");
    let units: i64 = rows.iter().map(|row| row[2].parse::<i64>().unwrap()).sum();
    assert_eq!(units, page.exposures.iter().map(|day| day.units).sum::<i64>());
    let (_, rows) = of("distributions.csv");
    assert_eq!(rows.len(), 2 * 400, "both variants, every bucket");
    let (_, rows) = of("series.csv");
    assert_eq!(rows.len(), page.series.len());
    let none = site().experiment(named("never_run"), "x");
    assert!(none.iter().all(|f| !f.path.ends_with("cohorts.csv")));
}

/// The page's own data are the files beside it.
#[test]
fn the_exact_numbers_are_carried_and_lie_beside() {
    use base64::Engine as _;
    let files = site().experiment(named("significant"), "significant");
    let of = |ending: &str| {
        &files.iter().find(|f| f.path == format!("experiments/significant{ending}")).unwrap().text
    };
    for ending in [".csv", ".json", ".series.csv", ".exposures.csv", ".cohorts.csv"] {
        let carried =
            of(".html").split("base64,").skip(1).map(|rest| rest.split('"').next().unwrap());
        let carried: Vec<Vec<u8>> =
            carried.map(|text| base64::prelude::BASE64_STANDARD.decode(text).unwrap()).collect();
        assert!(carried.iter().any(|bytes| bytes == of(ending).as_bytes()), "{ending}");
    }
    let rows = &named("significant").judged.results;
    let mut reader = csv::Reader::from_reader(of(".csv").as_bytes());
    let heads = reader.headers().unwrap().clone();
    let column = |name: &str| heads.iter().position(|head| head == name).unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), rows.len());
    for (record, row) in records.iter().zip(rows) {
        assert_eq!(&record[column("metric")], row.metric);
        let number: Option<f64> = record[column("effect")].parse().ok();
        assert_eq!(number, row.effect, "read back to the last digit");
    }
}

#[test]
fn the_same_values_are_the_same_bytes() {
    let pages = std::slice::from_ref(named("five_variants"));
    assert!(files(pages) == files(pages));
}

/// What asks for attention comes first, and every experiment is in one group.
#[test]
fn the_index_begins_with_what_needs_attention() {
    let index = files(&PAGES).pop().unwrap().text;
    assert_eq!(index.matches("data-name=").count(), PAGES.len());
    let at = |text: &str| index.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(at("id=\"attention\"") < at("data-name=\"invalid\""));
    assert!(at("data-name=\"invalid\"") < at("id=\"decided\""));
    assert!(at("id=\"decided\"") < at("data-name=\"significant\""));
    assert!(at("id=\"running\"") < at("data-name=\"too_early\""));
    assert!(at("id=\"nothing\"") < at("data-name=\"never_run\""));
}
