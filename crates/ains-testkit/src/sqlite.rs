//! Holds a SQLite database file that goes away with its value.

use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The path of a SQLite file in a temporary folder of its own, removed on drop together with its `-wal` and `-shm`.
///
/// The file itself is made by the first connection.
#[derive(Debug)]
pub struct SqliteFile {
    path: PathBuf,
    _folder: TempDir,
}

impl SqliteFile {
    /// A path no other test has.
    ///
    /// # Panics
    ///
    /// When no temporary folder can be made.
    #[expect(
        clippy::new_without_default,
        reason = "it makes a folder, which a default should not"
    )]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("ains-sqlite-")
            .tempdir()
            .expect("a test can make a temporary folder");
        Self {
            path: folder.path().join("ains.db"),
            _folder: folder,
        }
    }

    /// Its URL: `sqlite://` and the absolute path.
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path.display())
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_url_holds_the_absolute_path() {
        let file = SqliteFile::new();
        assert!(file.path().is_absolute());
        assert_eq!(file.url(), format!("sqlite://{}", file.path().display()));
        assert!(file.url().starts_with("sqlite:///"));
    }

    #[test]
    fn two_files_are_never_the_same() {
        assert_ne!(SqliteFile::new().path(), SqliteFile::new().path());
    }

    #[test]
    fn the_file_and_its_companions_go_with_the_value() {
        let file = SqliteFile::new();
        let path = file.path().to_owned();
        fs::write(&path, "").unwrap();
        fs::write(path.with_extension("db-wal"), "").unwrap();
        drop(file);
        assert!(!path.parent().unwrap().exists());
    }
}
