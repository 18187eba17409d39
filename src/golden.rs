//! Reads golden cases for tests: one file each, cut into sections by lines `--- name`.
//! It does not say what a section means.

use std::path::{Path, PathBuf};

/// One golden file.
pub struct Case {
    /// Its path under the package, for failure messages.
    pub name: String,
    sections: Vec<(String, String)>,
}

impl Case {
    /// The text of a section, trimmed at the end, or the empty text where there is none.
    pub fn section(&self, name: &str) -> &str {
        let found = self.sections.iter().find(|(title, _)| title == name);
        found.map_or("", |(_, text)| text.trim_end())
    }

    /// Whether the file has the section.
    pub fn has(&self, name: &str) -> bool {
        self.sections.iter().any(|(title, _)| title == name)
    }

    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut sections: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            match (line.strip_prefix("--- "), sections.last_mut()) {
                (Some(title), _) => sections.push((title.to_owned(), String::new())),
                (None, Some((_, text))) => *text += &format!("{line}\n"),
                // What stands before the first section says what the case is about.
                (None, None) => {}
            }
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Self { name, sections }
    }
}

/// All cases of one folder under `fixtures`, by name.
pub fn cases(folder: &str) -> Vec<Case> {
    let paths = paths(folder, "case");
    paths.iter().map(|path| Case::read(path)).collect()
}

/// All files of one folder under `fixtures` with this suffix, by name: the name without it, and the
/// bytes.
pub fn files(folder: &str, extension: &str) -> Vec<(String, Vec<u8>)> {
    let named = |path: PathBuf| {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        (stem, std::fs::read(path).unwrap())
    };
    let paths = paths(folder, extension);
    paths.into_iter().map(named).collect()
}

fn paths(folder: &str, extension: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder);
    let entries = std::fs::read_dir(root).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == extension));
    paths.sort();
    assert!(!paths.is_empty(), "nothing in {folder}");
    paths
}

/// Compares a printed page with the file in the repository, whatever its line ends.
pub fn assert_page(file: &str, printed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(file);
    let kept = std::fs::read_to_string(path)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    let page = match file {
        "settings.schema.json" => "schema",
        _ => file.trim_end_matches(".md"),
    };
    assert!(
        kept == printed,
        "docs/{file} is out of step: run `throughway docs {page} > docs/{file}`"
    );
}
