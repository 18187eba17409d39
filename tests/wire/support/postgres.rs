//! A PostgreSQL server of the test's own, as the tests of the store have it, and stores in files.
#![allow(dead_code, reason = "the tests of the store use more of it")]

#[path = "../../store/support/directory.rs"]
mod directory;
#[path = "../../store/support/postgres.rs"]
mod server;

pub use self::{
    directory::Directory,
    server::{PASSWORD, Postgres, free_port},
};

/// The URL of a new database of the server.
pub fn database(server: &Postgres) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(server.new_database())
}

/// Settings with the store in a file of this directory; the log as `access` says.
pub fn in_file(directory: &Directory, access: &str) -> String {
    let path = directory.path().join("data");
    format!(
        "admin_token: secret\nlog: {{ access: {access} }}\nstore: {{ kind: sqlite }}\n\
         data_dir: {}\n",
        path.display()
    )
}
