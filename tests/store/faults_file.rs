//! Files that cannot be used: what the error says, and that the file is left as it is.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use throughway::store::{Cause, Location, Options, Store, StoreError};

use crate::support::{Directory, Stage, create, refused};

const PATIENCE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_new_file_and_its_directory_are_the_owners_only() {
    let stage = Stage::file();
    let store = stage.open().await;
    store.apply(create("key_1", "app")).await.expect("created");
    let file = path(&stage);
    let directory = file.parent().expect("a directory");
    assert_eq!(mode(directory), 0o700);
    let files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(
        files.len(),
        3,
        "the file, its log and the log's index: {files:?}"
    );
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let directory = Directory::new();
    let file = directory.path().join("throughway.db");
    let bytes = b"keys:\n- name: app\n".repeat(100);
    fs::write(&file, &bytes).expect("written");
    let error = refused(Options::new(Location::File(file.clone()))).await;
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&file.display().to_string()), "{text}");
    assert!(text.contains("restore a backup"), "{text}");
    assert_eq!(fs::read(&file).expect("read"), bytes);
}

#[tokio::test]
async fn a_damaged_page_is_found_and_kept() {
    let stage = Stage::file();
    let store = stage.open().await;
    let edits = (0..200).map(|at| create(&format!("key_{at}"), &format!("n{at}")));
    store.apply_all(edits.collect()).await.expect("created");
    store.close().await;
    let file = path(&stage);
    let mut bytes = fs::read(&file).expect("read");
    let pages = bytes.len() / 4096;
    assert!(pages > 8, "{pages}");
    // The pages behind the schema's, where the objects are.
    bytes[2 * 4096..(pages - 1) * 4096].fill(0x5a);
    fs::write(&file, &bytes).expect("written");
    let error = match Store::open(Options::new(stage.location.clone())).await {
        Ok(store) => store.load().await.expect_err("damage"),
        Err(error) => error,
    };
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(fs::read(&file).expect("read").len(), bytes.len());
}

#[tokio::test]
async fn a_locked_file_is_waited_for_and_then_said_to_be_locked() {
    let stage = Stage::file();
    let store = stage.open_timed(Duration::from_millis(50), PATIENCE).await;
    let mut other = connect(&path(&stage)).await;
    other.execute("BEGIN IMMEDIATE").await.expect("locked");
    let error = store
        .apply(create("key_1", "app"))
        .await
        .expect_err("it is locked");
    assert_eq!(cause(&error), Some(Cause::Locked), "{error:?}");
    assert_eq!(store.status().borrow().write_failure.as_ref(), Some(&error));
    assert_eq!(store.load().await.expect("reads go on").objects.len(), 0);
    other.execute("ROLLBACK").await.expect("unlocked");
    store.apply(create("key_1", "app")).await.expect("created");
    assert_eq!(store.status().borrow().write_failure, None);
}

/// Root may write everywhere, so the test gives that right up for its threads.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_written_is_said_to_be() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

    let directory = Directory::new();
    let inner = directory.path().join("data");
    fs::create_dir(&inner).expect("a directory");
    fs::set_permissions(&inner, Permissions::from_mode(0o500)).expect("a mode");
    let path = inner.join("throughway.db");
    let opened = std::thread::spawn(move || {
        let mut own = capabilities(None).expect("capabilities");
        own.effective.remove(CapabilitySet::DAC_OVERRIDE);
        set_capabilities(None, own).expect("fewer capabilities");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .expect("a runtime")
            .block_on(refused(Options::new(Location::File(path))))
    });
    let error = opened.join().expect("a result");
    assert_eq!(cause(&error), Some(Cause::Denied), "{error:?}");
    assert!(error.to_string().contains("data/throughway.db"), "{error}");
    assert_eq!(fs::read_dir(&inner).expect("a directory").count(), 0);
}

async fn connect(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options)
        .await
        .expect("a connection")
}

fn path(stage: &Stage) -> PathBuf {
    match &stage.location {
        Location::File(path) => path.clone(),
        other => panic!("no file: {other:?}"),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

fn cause(error: &StoreError) -> Option<Cause> {
    match error {
        StoreError::Unavailable { cause, .. } => Some(*cause),
        _ => None,
    }
}
