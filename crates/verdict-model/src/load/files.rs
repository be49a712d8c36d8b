//! The files of a project, and the paths that they name.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::LoadError;

/// Every YAML file of the project: its name relative to `folder`, and its text; sorted by name.
pub(super) fn read(folder: &Path) -> Result<Vec<(Arc<str>, String)>, LoadError> {
    let mut names = Vec::new();
    collect(folder, "", &mut names)
        .map_err(|source| LoadError::Folder { path: folder.to_owned(), source })?;
    if names.is_empty() {
        return Err(LoadError::NoFiles { path: folder.to_owned() });
    }
    names.sort();
    names
        .into_iter()
        .map(|(name, path)| match fs::read_to_string(&path) {
            Ok(text) => Ok((name.into(), text)),
            Err(source) => Err(LoadError::File { path, source }),
        })
        .collect()
}

fn collect(folder: &Path, prefix: &str, names: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(['.', '_']) || (prefix.is_empty() && name == "tables") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), names)?;
        } else if (name.ends_with(".yaml") || name.ends_with(".yml")) && path.is_file() {
            names.push((format!("{prefix}{name}"), path));
        }
    }
    Ok(())
}

/// A path as the project means it: URLs as they are, relative paths joined to `root`, without `.` and without
/// the `..` that the names before them undo (no link is looked at).
pub(super) fn join(root: &Path, path: &str) -> String {
    if is_url(path) {
        return path.to_owned();
    }
    let mut parts: Vec<Component<'_>> = Vec::new();
    let joined = root.join(path);
    for part in joined.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() {
        return ".".to_owned();
    }
    parts.iter().collect::<PathBuf>().to_string_lossy().into_owned()
}

fn is_url(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}
