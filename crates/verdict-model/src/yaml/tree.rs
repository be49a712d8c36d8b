//! YAML as plain values with lines.

use saphyr::{LoadableYamlNode, MarkedYaml, YamlData};

/// Deeper than anything that a project says, and shallow enough for any stack.
const MAX_DEPTH: usize = 50;

/// Bytes of stack for the parser.
const STACK: usize = 64 << 20;

/// Why a text is not YAML that a project can hold.
#[derive(Debug, PartialEq)]
pub(crate) struct Malformed {
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// The column, counted from 1.
    pub(crate) column: usize,
    /// What is wrong.
    pub(crate) message: String,
}

/// A value and the line that it starts on.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) data: Data,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Data {
    Null,
    /// `text` is as written in the file, without quotes.
    Scalar {
        text: String,
        scalar: Scalar,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// What a scalar is besides its text.
#[derive(Debug)]
pub(crate) enum Scalar {
    Text,
    Boolean(bool),
    Number(f64),
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) value: Node,
}

/// The documents of a text, without the empty ones.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, Malformed> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    refuse_deep_indents(text)?;
    // Aliases of aliases make trees some thousand levels deep of a short text, and the parser's trees are
    // copied and dropped by recursion. A stack of its own is enough for them, and is only used as far as needed.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        match thread
            .spawn_scoped(scope, || documents(text))
            .map(std::thread::ScopedJoinHandle::join)
        {
            Ok(Ok(parsed)) => parsed,
            Ok(Err(_)) => {
                Err(Malformed { line: 1, column: 1, message: "the parser gave up".to_owned() })
            }
            // No thread to be had: most texts need none.
            Err(_) => documents(text),
        }
    })
}

fn documents(text: &str) -> Result<Vec<Node>, Malformed> {
    let documents = MarkedYaml::load_from_str(text).map_err(|e| {
        let message = if e.info() == "duplicated key in mapping" {
            let rest = text.chars().skip(e.marker().index());
            let key: String = rest.take_while(|c| !":\r\n".contains(*c)).collect();
            format!("key `{}` is written twice in one mapping; remove one", key.trim())
        } else {
            e.info().to_owned()
        };
        Malformed { line: e.marker().line(), column: e.marker().col() + 1, message }
    })?;
    let chars: Vec<char> = text.chars().collect();
    let mut nodes = Vec::new();
    for document in &documents {
        if matches!(document.data, YamlData::BadValue) {
            continue;
        }
        let node = node(document, &chars, 0)?;
        if !matches!(node.data, Data::Null) {
            nodes.push(node);
        }
    }
    Ok(nodes)
}

/// The parser calls itself for every level, and a level of block style costs at least a column at the start
/// of a line. (Levels of flow style it counts itself.)
fn refuse_deep_indents(text: &str) -> Result<(), Malformed> {
    for (i, line) in text.lines().enumerate() {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        let opens =
            |token: &&str| matches!(*token, "-" | "?" | ":") || token.starts_with(['!', '&']);
        let levels = spaces + line.split_whitespace().take_while(opens).count();
        if levels > 2 * MAX_DEPTH && !line.trim().is_empty() {
            let message = "nested too deeply".to_owned();
            return Err(Malformed { line: i + 1, column: spaces + 1, message });
        }
    }
    Ok(())
}

fn node(yaml: &MarkedYaml<'_>, chars: &[char], depth: usize) -> Result<Node, Malformed> {
    if depth > MAX_DEPTH {
        return Err(malformed(yaml, "nested too deeply"));
    }
    let data = match &yaml.data {
        YamlData::Value(saphyr::Scalar::Null) => Data::Null,
        YamlData::Value(saphyr::Scalar::String(text)) => {
            Data::Scalar { text: text.to_string(), scalar: Scalar::Text }
        }
        YamlData::Value(value) => scalar(value, written(yaml, value, chars)),
        YamlData::Sequence(items) => Data::Sequence(
            items.iter().map(|item| node(item, chars, depth + 1)).collect::<Result<_, _>>()?,
        ),
        YamlData::Mapping(mapping) => {
            let mut entries: Vec<Entry> = Vec::with_capacity(mapping.len());
            for (key, value) in mapping {
                let Data::Scalar { text, .. } = node(key, chars, depth + 1)?.data else {
                    return Err(malformed(key, "a key must be a word"));
                };
                let line = key.span.start.line();
                if let Some(first) = entries.iter().find(|entry| entry.key == text) {
                    let message =
                        format!("key `{text}` is on line {} already; remove one", first.line);
                    return Err(malformed(key, &message));
                }
                entries.push(Entry { key: text, line, value: node(value, chars, depth + 1)? });
            }
            Data::Mapping(entries)
        }
        YamlData::Tagged(tag, _) => {
            return Err(malformed(yaml, &format!("the tag `{tag}` means nothing here; remove it")));
        }
        YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
            return Err(malformed(yaml, "not a value"));
        }
    };
    Ok(Node { line: yaml.span.start.line(), data })
}

fn malformed(yaml: &MarkedYaml<'_>, message: &str) -> Malformed {
    let start = yaml.span.start;
    Malformed { line: start.line(), column: start.col() + 1, message: message.to_owned() }
}

fn scalar(value: &saphyr::Scalar<'_>, written: Option<String>) -> Data {
    let (scalar, plain) = match value {
        saphyr::Scalar::Boolean(x) => (Scalar::Boolean(*x), x.to_string()),
        saphyr::Scalar::Integer(x) => (Scalar::Number(*x as f64), x.to_string()),
        saphyr::Scalar::FloatingPoint(x) => (Scalar::Number(x.into_inner()), x.to_string()),
        saphyr::Scalar::Null | saphyr::Scalar::String(_) => (Scalar::Text, String::new()),
    };
    Data::Scalar { text: written.unwrap_or(plain), scalar }
}

/// The scalar as it stands in the file, so that a variant named `007` keeps its name; `None` for an alias,
/// which stands elsewhere.
fn written(yaml: &MarkedYaml<'_>, value: &saphyr::Scalar<'_>, chars: &[char]) -> Option<String> {
    let text: String = chars.get(yaml.span.start.index()..yaml.span.end.index())?.iter().collect();
    let text = text.trim();
    (saphyr::Scalar::parse_from_cow(text.into()) == *value).then(|| text.to_owned())
}
