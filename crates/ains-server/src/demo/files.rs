//! Finds the files that the demo works on.

use std::fs::{self, DirEntry, File};
use std::io::Read as _;
use std::path::Path;

/// Most files: three tasks each keep three agents busy for some seconds.
const MOST: usize = 1500;

/// Largest file, in bytes.
pub(super) const LARGEST: u64 = 1024 * 1024;

/// Bytes that are looked at to tell a text from the rest.
const GLANCE: u64 = 8192;

/// What others made, or is not for people to read. Hidden folders are passed over as well.
const PASSED_OVER: [&str; 2] = ["target", "node_modules"];

/// Text files under a folder.
pub(super) struct Files {
    /// Relative to the folder, with `/` between names, in the order of the alphabet; a single file by its name.
    pub(super) paths: Vec<String>,
    /// Whether there are more than are taken.
    pub(super) more: bool,
}

impl Files {
    /// The text files under `root`, or `root` itself if it is one.
    pub(super) fn under(root: &Path) -> Self {
        let mut files = Self {
            paths: Vec::new(),
            more: false,
        };
        if root.is_file() {
            let name = root.file_name().and_then(|name| name.to_str());
            files
                .paths
                .extend(name.filter(|_| is_text(root)).map(str::to_owned));
        } else {
            files.walk(root, "");
        }
        files
    }

    /// One of the files, fit for a command line.
    pub(super) fn example(&self) -> &str {
        let fit = |path: &&String| !path.contains(['\'', '"', '\\']);
        let readme = self.paths.iter().find(|path| *path == "README.md");
        readme
            .or_else(|| self.paths.iter().find(fit))
            .map_or("README.md", String::as_str)
    }

    fn walk(&mut self, folder: &Path, before: &str) {
        // What cannot be read is passed over: the demo works on what it finds.
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut entries: Vec<DirEntry> = entries.flatten().collect();
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else {
                continue;
            };
            let path = format!("{before}{name}");
            if kind.is_dir() && !name.starts_with('.') && !PASSED_OVER.contains(&name) {
                self.walk(&entry.path(), &format!("{path}/"));
            } else if kind.is_file() && is_text(&entry.path()) {
                self.more = self.paths.len() == MOST;
                if !self.more {
                    self.paths.push(path);
                }
            }
            if self.more {
                return;
            }
        }
    }
}

/// Whether it is a text of a size to work on: it is not empty and does not begin with what only binary files hold.
fn is_text(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let fits = file
        .metadata()
        .is_ok_and(|about| (1..=LARGEST).contains(&about.len()));
    let mut head = Vec::new();
    fits && file.take(GLANCE).read_to_end(&mut head).is_ok() && !head.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_and_the_rest_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, content: &[u8]| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("b/deep/two.rs", b"fn two() {}");
        write("a.txt", b"one");
        write("empty.txt", b"");
        write("picture.png", b"\x89PNG\0\0");
        write("large.txt", &vec![b'x'; 1024 * 1024 + 1]);
        write(".git/config", b"text");
        write("target/out.txt", b"text");
        let files = Files::under(folder.path());
        assert_eq!(files.paths, ["a.txt", "b/deep/two.rs"]);
        assert!(!files.more);
        assert_eq!(Files::under(&folder.path().join("a.txt")).paths, ["a.txt"]);
        assert!(Files::under(&folder.path().join("picture.png")).paths.is_empty());
    }
}
