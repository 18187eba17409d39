//! Databases that cannot be used, of both sorts: what the error says, and what it does not.

use throughway::{
    secret::Secret,
    store::{Cause, Location, Options, StoreError},
};

use crate::support::{PASSWORD, Postgres, Stage, create, on_each_shared, refused, sql};

#[tokio::test]
async fn a_newer_schema_is_refused() {
    on_each_shared(async |stage: Stage| {
        let store = stage.open().await;
        store.apply(create("key_1", "app")).await.expect("created");
        store.close().await;
        let step = "INSERT INTO throughway_migrations
             (version, description, success, checksum, execution_time)
             VALUES (99, 'later', TRUE, '', 0)";
        sql(&stage, step).await;
        let error = refused(Options::new(stage.location.clone())).await;
        assert!(matches!(error, StoreError::NewerSchema { .. }), "{error}");
        assert!(
            error.to_string().contains("newer version of throughway"),
            "{error}"
        );
        assert!(error.to_string().contains("99"), "{error}");
        sql(
            &stage,
            "DELETE FROM throughway_migrations WHERE version = 99",
        )
        .await;
        let loaded = stage.open().await.load().await.expect("loaded");
        assert_eq!(loaded.objects.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_object_of_an_unknown_kind_is_a_newer_programs() {
    on_each_shared(async |stage: Stage| {
        let store = stage.open().await;
        store.apply(create("key_1", "app")).await.expect("created");
        sql(&stage, "UPDATE throughway_objects SET kind = 'widget'").await;
        let error = store.load().await.expect_err("an unknown kind");
        assert!(matches!(error, StoreError::NewerSchema { .. }), "{error}");
        assert!(error.to_string().contains("`widget`"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_document_that_is_no_json_is_damage_and_is_not_shown() {
    on_each_shared(async |stage: Stage| {
        let store = stage.open().await;
        store.apply(create("key_1", "app")).await.expect("created");
        for text in ["{\"a\": \"private", "\"private\"", "[\"private\"]"] {
            sql(
                &stage,
                &format!("UPDATE throughway_objects SET document = '{text}'"),
            )
            .await;
            let error = store.load().await.expect_err(text);
            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
            assert!(error.to_string().contains("key key_1"), "{error}");
            assert!(!error.to_string().contains("private"), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named_without_the_password() {
    let server = Postgres::shared();
    let at = |url: &str| Options::new(Location::Postgres(Secret::new(url)));
    let nobody = format!("postgres://app:{PASSWORD}@127.0.0.1:1/keys");
    let denied = server.url("no_such_database");
    let no_tls = format!("{}?sslmode=require", server.url("postgres"));
    let no_user = server.url("postgres").replace("//app", "//stranger");
    let table = [
        (nobody, Cause::Away, "keys at 127.0.0.1:1 does not respond"),
        (denied, Cause::Denied, "no_such_database at 127.0.0.1:"),
        (no_tls, Cause::Away, "TLS"),
        (no_user, Cause::Denied, "refuses access"),
    ];
    for (url, expected, text) in table {
        let mut options = at(&url);
        options.timing.patience = std::time::Duration::from_millis(500);
        let error = refused(options).await;
        assert!(
            matches!(&error, StoreError::Unavailable { cause, .. } if *cause == expected),
            "{error:?}"
        );
        assert!(error.to_string().contains(text), "{error}");
        assert!(!format!("{error} {error:?}").contains(PASSWORD), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_to_write_is_said_to_be() {
    let stage = Stage::postgres().await;
    let store = stage.open().await;
    store.apply(create("key_1", "app")).await.expect("created");
    // What a standby, and a database over its quota, say.
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = TG_ARGV[0]; END $$";
    sql(&stage, refuse).await;
    for (state, expected) in [
        ("25006", Cause::ReadOnly),
        ("53100", Cause::Full),
        ("55P03", Cause::Locked),
        ("42501", Cause::Denied),
    ] {
        let trigger = format!(
            "CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON throughway_objects
             EXECUTE FUNCTION refuse('{state}')"
        );
        sql(&stage, &trigger).await;
        let error = store.apply(create("key_2", "web")).await.expect_err(state);
        assert!(
            matches!(&error, StoreError::Unavailable { cause, .. } if *cause == expected),
            "{error:?}"
        );
        assert_eq!(store.status().borrow().write_failure.as_ref(), Some(&error));
        assert_eq!(store.load().await.expect("reads go on").revision, 1);
    }
    sql(&stage, "DROP TRIGGER refuse ON throughway_objects").await;
    store.apply(create("key_2", "web")).await.expect("created");
    assert_eq!(store.status().borrow().write_failure, None);
}
