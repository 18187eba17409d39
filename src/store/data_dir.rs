//! Which directory holds the database, and what happens if it cannot be written.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// The name of the database in its directory.
pub const DATABASE_FILE: &str = "throughway.db";
const OURS: &str = "throughway";

/// The directory to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataDir {
    /// It exists and can be written.
    At(PathBuf),
    /// There is none: the store is to be kept in memory, with this warning in the log.
    Memory { warning: String },
}

/// A directory that was set, or that has a database, cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the data directory {} cannot be written: {error}", path.display())]
pub struct DataDirError {
    pub path: PathBuf,
    pub error: io::Error,
}

/// The directory given by flag or setting, else `$XDG_DATA_HOME/throughway`, else
/// `~/.local/share/throughway`. It is made, for its owner only, if it is missing.
///
/// # Errors
/// A given directory cannot be written; or the default one cannot, and has a database: a store in
/// memory would forget the keys in it.
pub fn data_dir(
    given: Option<PathBuf>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<DataDir, DataDirError> {
    if let Some(path) = given {
        return match probe(&path) {
            Ok(()) => Ok(DataDir::At(path)),
            Err(error) => Err(DataDirError { path, error }),
        };
    }
    let Some(path) = default_path(variable) else {
        let reason = "neither XDG_DATA_HOME nor HOME is an absolute path";
        return Ok(in_memory(reason));
    };
    match probe(&path) {
        Ok(()) => Ok(DataDir::At(path)),
        Err(error) if has_database(&path) => Err(DataDirError { path, error }),
        Err(error) => {
            let path = path.display();
            let reason = format!("the data directory {path} cannot be written ({error})");
            Ok(in_memory(&reason))
        }
    }
}

/// The XDG base directory specification ignores relative paths.
fn default_path(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name| {
        let path = PathBuf::from(variable(name)?);
        path.is_absolute().then_some(path)
    };
    let home = || absolute("HOME").map(|home| home.join(".local/share"));
    Some(absolute("XDG_DATA_HOME").or_else(home)?.join(OURS))
}

fn in_memory(reason: &str) -> DataDir {
    let warning = format!(
        "{reason}: keys, teams and the audit log are kept in memory and lost at the end; set \
         --data-dir to keep them"
    );
    DataDir::Memory { warning }
}

/// Whether there is a database. A home directory that is closed to us has none of ours.
fn has_database(path: &Path) -> bool {
    path.join(DATABASE_FILE).exists()
}

/// Makes the directory, then a file in it, which is what SQLite will do; and opens the database,
/// if there is one.
fn probe(directory: &Path) -> io::Result<()> {
    create_directory(directory)?;
    let file = directory.join(format!(".probe-{}", std::process::id()));
    File::create(&file)?;
    fs::remove_file(&file)?;
    let database = directory.join(DATABASE_FILE);
    match OpenOptions::new().append(true).open(database) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a directory, and those above it, for its owner only, unless it is there.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::PermissionsExt as _,
        path::{Path, PathBuf},
    };

    use super::{DATABASE_FILE, DataDir, data_dir};

    fn scratch(name: &str) -> PathBuf {
        let name = format!("throughway-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new directory");
        path
    }

    /// The variables, of which each test sets some.
    fn variables(xdg: &str, home: &str) -> impl Fn(&str) -> Option<String> + use<> {
        let (xdg, home) = (xdg.to_owned(), home.to_owned());
        move |name| match name {
            "XDG_DATA_HOME" => Some(xdg.clone()),
            "HOME" => Some(home.clone()),
            _ => None,
        }
    }

    fn text(path: &Path) -> String {
        path.display().to_string()
    }

    #[test]
    fn the_first_place_that_is_set_is_taken() {
        let root = scratch("data-dir");
        let (given, xdg, home) = (root.join("a/b"), root.join("xdg"), root.join("home"));
        let table = [
            (
                Some(given.clone()),
                variables(&text(&xdg), &text(&home)),
                given,
            ),
            (
                None,
                variables(&text(&xdg), &text(&home)),
                xdg.join("throughway"),
            ),
            (
                None,
                variables("", &text(&home)),
                home.join(".local/share/throughway"),
            ),
            (
                None,
                variables("relative", &text(&home)),
                home.join(".local/share/throughway"),
            ),
        ];
        for (given, variables, expected) in table {
            let found = data_dir(given, variables).expect("a directory");
            assert_eq!(found, DataDir::At(expected.clone()));
            let mode = fs::metadata(&expected)
                .expect("it was made")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o700, "{}", expected.display());
            assert_eq!(fs::read_dir(&expected).expect("a directory").count(), 0);
        }
        fs::remove_dir_all(root).expect("removed");
    }

    #[test]
    fn a_default_that_cannot_be_written_falls_back_to_memory() {
        let root = scratch("data-dir-file");
        let file = root.join("file");
        fs::write(&file, "").expect("written");
        for variables in [variables("", ""), variables(&text(&file), "/nowhere")] {
            let DataDir::Memory { warning } = data_dir(None, variables).expect("memory") else {
                panic!("a directory");
            };
            assert!(
                warning.contains("lost at the end; set --data-dir"),
                "{warning}"
            );
        }
        fs::remove_dir_all(root).expect("removed");
    }

    #[test]
    fn a_given_directory_that_cannot_be_written_is_an_error() {
        let root = scratch("data-dir-given");
        let file = root.join("file");
        fs::write(&file, "").expect("written");
        let inner = file.join("inner");
        let error = data_dir(Some(inner.clone()), variables("", "")).expect_err("a file");
        assert!(error.to_string().contains(&text(&inner)), "{error}");
        fs::remove_dir_all(root).expect("removed");
    }

    /// A database that cannot be opened must not be forgotten for an empty store in memory.
    #[test]
    fn a_default_with_a_database_that_cannot_be_written_is_an_error() {
        let root = scratch("data-dir-database");
        let database = root.join("throughway").join(DATABASE_FILE);
        // A directory cannot be opened for writing, by root either.
        fs::create_dir_all(&database).expect("a directory");
        let error = data_dir(None, variables(&text(&root), ""));
        assert!(error.is_err(), "{error:?}");
        fs::remove_dir_all(root).expect("removed");
    }
}
