//! What a process may take: memory, threads, disk to spill to.

use std::path::PathBuf;

/// What the engine may hold in memory unless more or less is allowed: 8 GiB.
const MEMORY_BYTES: u64 = 8 << 30;

/// Less than this and not even one batch of a wide log fits.
const LEAST_MEMORY_BYTES: u64 = 64 << 20;

/// What a process may take; it changes no result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory that may be held at once, before it is spilled or waited for.
    pub memory: Option<u64>,
    /// The folder that is spilled to; the system's own for temporary files otherwise.
    pub spill_dir: Option<PathBuf>,
    /// Threads; one a core otherwise.
    pub threads: Option<usize>,
}

impl Limits {
    /// The memory that may be held.
    pub(crate) fn memory_bytes(&self) -> usize {
        usize::try_from(self.memory.unwrap_or(MEMORY_BYTES)).unwrap_or(usize::MAX)
    }

    /// Bytes of memory, as a person writes them.
    ///
    /// # Errors
    /// The text is no number of bytes, or one with which nothing can be done.
    pub fn enough_memory(text: &str) -> Result<u64, String> {
        match Limits::bytes(text)? {
            bytes if bytes < LEAST_MEMORY_BYTES => Err(format!(
                "`{text}` is too little for one batch of a wide log: allow 64MiB or more"
            )),
            bytes => Ok(bytes),
        }
    }

    /// Bytes as a person writes them: `512MiB`, `2GB`, `1_000_000`.
    ///
    /// # Errors
    /// The text is no number of bytes.
    pub fn bytes(text: &str) -> Result<u64, String> {
        let wrong = || format!("`{text}` is no number of bytes; write 2GiB, 500MB or 1000000");
        let text = text.trim();
        let end =
            text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: f64 = number.replace('_', "").parse().map_err(|_| wrong())?;
        let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "t" | "tb" => 1e12,
            "ki" | "kib" => 1024.0,
            "mi" | "mib" => 1024.0 * 1024.0,
            "gi" | "gib" => 1024.0 * 1024.0 * 1024.0,
            "ti" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        let bytes = number * factor;
        // Beyond 2^53 a double is no longer every integer, and no machine has so much.
        if (1.0..9e15).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_enough_for_a_batch() {
        assert_eq!(Limits::enough_memory("64MiB"), Ok(64 << 20));
        assert!(Limits::enough_memory("63MiB").is_err());
    }

    #[test]
    fn bytes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("1000000", 1_000_000),
            ("1_000", 1000),
            ("2GiB", 2 << 30),
            ("1.5 kib", 1536),
            ("500MB", 500_000_000),
            ("3g", 3_000_000_000),
        ] {
            assert_eq!(Limits::bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "-1", "1x", "0", "1e9", "1.2.3", "99999999TB", "nan", "inf"] {
            assert!(Limits::bytes(text).is_err(), "{text}");
        }
    }
}
