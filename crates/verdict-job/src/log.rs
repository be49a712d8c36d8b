//! A log's days: which objects hold which day.

use chrono::Datelike;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use verdict_model::{Located, MissingDays, NaiveDate, Source};

use crate::store::{Location, Stores};
use crate::{Error, Result};
use datafusion::prelude::SessionContext;

/// How the names of a log's objects end.
const PARQUET: [&str; 3] = [".parquet", ".parq", ".pq"];

/// A source, located.
#[derive(Debug)]
pub(crate) struct Log<'a> {
    pub(crate) source: &'a Source,
    /// The part of the path without placeholders.
    root: Location,
    /// The rest: `ds={ds}` for Hive folders.
    below: String,
}

/// The objects of one day.
#[derive(Clone, Debug, Default)]
pub(crate) struct DayObjects {
    /// Sorted by location.
    pub(crate) objects: Vec<ObjectMeta>,
}

impl DayObjects {
    pub(crate) fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.size).sum()
    }
}

impl<'a> Log<'a> {
    pub(crate) fn locate(
        stores: &Stores,
        ctx: &SessionContext,
        source: &'a Source,
    ) -> Result<Log<'a>> {
        let (root, below) = split(&source.path, "ds={ds}");
        Ok(Log { source, root: stores.locate(ctx, &root)?, below })
    }

    /// The object that is written when the log's `day` is whole, where there is to be one.
    ///
    /// # Errors
    /// Its path is no location.
    pub(crate) fn marker(
        &self,
        stores: &Stores,
        ctx: &SessionContext,
        day: NaiveDate,
    ) -> Result<Option<Location>> {
        let Some(marker) = &self.source.complete.marker else { return Ok(None) };
        if !marker.value.contains('{') {
            return Ok(Some(self.day_folder(day).join(&marker.value)));
        }
        let (root, below) = split(marker, "");
        Ok(Some(stores.locate(ctx, &root)?.join(&render(&below, day))))
    }

    /// The store that the objects lie in.
    pub(crate) fn location(&self) -> &Location {
        &self.root
    }

    /// The object's path below the log's root: its identity wherever the log lies.
    pub(crate) fn relative<'b>(&self, object: &'b Path) -> &'b str {
        let full = object.as_ref();
        full.strip_prefix(self.root.prefix.as_ref()).unwrap_or(full).trim_start_matches('/')
    }

    fn day_folder(&self, day: NaiveDate) -> Location {
        self.root.join(&render(&self.below, day))
    }

    /// The objects of `day`.
    ///
    /// # Errors
    /// The folder of a local log does not exist; the day has no objects (unless that is allowed).
    pub(crate) async fn day(&self, day: NaiveDate) -> Result<DayObjects> {
        self.check_folder()?;
        let folder = self.day_folder(day);
        let objects = self.objects(day).await?;
        if let Some((object, what)) = self.root.pins.pin(&folder.prefix, &objects) {
            return Err(Error::Changed {
                source_name: self.source.name.value.clone(),
                day,
                object: self.root.name(&object),
                what,
            });
        }
        if objects.is_empty() && self.source.missing_days == MissingDays::Error {
            return Err(Error::NoObjects {
                source_name: self.source.name.value.clone(),
                day,
                path: folder.display,
                available: match self.first_and_last_day().await? {
                    Some((first, last)) => format!("the log has days from {first} to {last}"),
                    None => format!("no day at all was found under {}", self.root.display),
                },
            });
        }
        Ok(DayObjects { objects })
    }

    /// The objects of `day`, if there are any, in order.
    pub(crate) async fn objects(&self, day: NaiveDate) -> Result<Vec<ObjectMeta>> {
        let mut objects = list(&self.day_folder(day)).await?;
        objects.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(objects)
    }

    /// The first and the last day that the log has, by the names of its folders.
    pub(crate) async fn first_and_last_day(&self) -> Result<Option<(NaiveDate, NaiveDate)>> {
        let days = self.days().await?;
        Ok(days.first().copied().zip(days.last().copied()))
    }

    /// The last object that the log has.
    pub(crate) async fn last_object(&self) -> Result<Option<ObjectMeta>> {
        for day in self.days().await?.into_iter().rev() {
            let objects = list(&self.day_folder(day)).await?;
            if let Some(last) = objects.into_iter().max_by(|a, b| a.location.cmp(&b.location)) {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// The days that the log has, by the names of its folders, in order; some may have no object.
    pub(crate) async fn days(&self) -> Result<Vec<NaiveDate>> {
        self.check_folder()?;
        let mut days: Vec<NaiveDate> = if self.below == "ds={ds}" {
            let listed = self.root.store.list_with_delimiter(Some(&self.root.prefix)).await;
            let listed = listed
                .map_err(|source| Error::Store { object: self.root.display.clone(), source })?;
            listed
                .common_prefixes
                .iter()
                .filter_map(|folder| folder.filename()?.strip_prefix("ds=")?.parse().ok())
                .collect()
        } else {
            let objects = list(&self.root).await?;
            objects.iter().filter_map(|o| day_of(&self.below, self.relative(&o.location))).collect()
        };
        days.sort_unstable();
        days.dedup();
        Ok(days)
    }

    fn check_folder(&self) -> Result<()> {
        let path = format!("/{}", self.root.prefix);
        if self.root.is_local() && !std::path::Path::new(&path).is_dir() {
            return Err(Error::NoSuchFolder {
                place: Box::new(self.source.path.place.clone()),
                path,
                name: self.source.name.value.clone(),
            });
        }
        Ok(())
    }
}

/// The part of a path before its placeholders, and the rest; of one without the rest is `otherwise`.
fn split(path: &Located<String>, otherwise: &str) -> (Located<String>, String) {
    let (root, below) = match path.value.find('{') {
        None => (path.value.as_str(), otherwise),
        Some(brace) => {
            let cut = path.value[..brace].rfind('/').map_or(0, |slash| slash + 1);
            path.value.split_at(cut)
        }
    };
    let root = if root.is_empty() { "." } else { root };
    let root = Located { value: root.to_owned(), place: path.place.clone() };
    (root, below.trim_end_matches('/').to_owned())
}

/// The Parquet objects below a folder; names that begin with `_` or `.` are other tools' bookkeeping.
async fn list(folder: &Location) -> Result<Vec<ObjectMeta>> {
    if PARQUET.iter().any(|ending| folder.prefix.as_ref().ends_with(ending)) {
        // A path that ends in a file's name is one object a day: it needs no listing, which some servers do not know.
        return match folder.store.head(&folder.prefix).await {
            Ok(object) => Ok(vec![object]),
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            Err(source) => Err(Error::Store { object: folder.display.clone(), source }),
        };
    }
    let listed: Vec<ObjectMeta> = folder
        .store
        .list(Some(&folder.prefix))
        .try_collect()
        .await
        .map_err(|source| Error::Store { object: folder.display.clone(), source })?;
    let below = |path: &Path| {
        let rest =
            path.as_ref().strip_prefix(folder.prefix.as_ref()).unwrap_or_else(|| path.as_ref());
        rest.trim_start_matches('/').to_owned()
    };
    Ok(listed
        .into_iter()
        .filter(|object| {
            let rest = below(&object.location);
            !rest.split('/').any(|part| part.starts_with(['_', '.']))
                && PARQUET.iter().any(|ending| rest.ends_with(ending))
        })
        .collect())
}

fn render(template: &str, day: NaiveDate) -> String {
    template
        .replace("{ds}", &day.to_string())
        .replace("{yyyy}", &format!("{:04}", day.year()))
        .replace("{mm}", &format!("{:02}", day.month()))
        .replace("{dd}", &format!("{:02}", day.day()))
}

/// The day that `path` belongs to by `template`; `None` when it does not fit.
fn day_of(template: &str, path: &str) -> Option<NaiveDate> {
    let (mut year, mut month, mut day, mut whole) = (None, None, None, None);
    let mut rest = path;
    let mut pattern = template;
    while !pattern.is_empty() {
        if let Some(after) = pattern.strip_prefix('{') {
            let (word, after) = after.split_once('}')?;
            let width = match word {
                "ds" => 10,
                "yyyy" => 4,
                _ => 2,
            };
            let text = rest.get(..width)?;
            match word {
                "ds" => whole = Some(text.parse::<NaiveDate>().ok()?),
                "yyyy" => year = Some(text.parse().ok()?),
                "mm" => month = Some(text.parse().ok()?),
                _ => day = Some(text.parse().ok()?),
            }
            rest = &rest[width..];
            pattern = after;
        } else {
            let literal = &pattern[..pattern.find('{').unwrap_or(pattern.len())];
            rest = rest.strip_prefix(literal)?;
            pattern = &pattern[literal.len()..];
        }
    }
    whole.or_else(|| NaiveDate::from_ymd_opt(year?, month?, day?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_renders_to_what_it_matches() {
        let day = NaiveDate::from_ymd_opt(2019, 11, 4).unwrap();
        for template in ["ds={ds}", "{yyyy}/{mm}/{dd}", "y={yyyy}/x{mm}-{dd}"] {
            let folder = render(template, day);
            assert_eq!(
                day_of(template, &format!("{folder}/05/part.parquet")),
                Some(day),
                "{template}"
            );
        }
        assert_eq!(render("{yyyy}/{mm}/{dd}", day), "2019/11/04");
        assert_eq!(day_of("{yyyy}/{mm}/{dd}", "2019/13/01/x"), None);
        assert_eq!(day_of("ds={ds}", "other"), None);
        assert_eq!(day_of("ds={ds}", "ds=2019"), None);
    }
}
