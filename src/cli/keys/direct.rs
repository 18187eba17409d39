//! Keys in the store of a gateway that does not run: with all checks of the admin API, and the
//! same audit log.

use std::{sync::Arc, time::Duration};

use actix_rt::SystemRunner;
use serde_json::{Value, json};

use super::{args::Where, backend::Backend, failure::Failure};
use crate::{
    cli::stopped,
    config::{Environment, Flags},
    control::{Action, Asked, Control, listed, object, shown},
    gateway::Actor,
    server::Program,
    store::Kind,
};

/// An open store, with the settings' own keys beside it.
pub struct Direct {
    system: SystemRunner,
    control: Control,
}

impl Direct {
    /// # Errors
    /// The settings or the store cannot be used.
    pub fn open(place: &Where, environment: &Environment) -> Result<Self, Failure> {
        let flags = Flags {
            data_dir: place.data_dir.clone(),
            ..Flags::default()
        };
        let settings = stopped::settings(place.config.as_deref(), environment, &flags);
        let settings = Arc::new(settings.map_err(stopped::NoStore::from)?);
        let gateway = Program::new(&settings)?.into_gateway();
        let system = actix_rt::System::new();
        let opening = async {
            let opened = stopped::open(&settings, environment).await?;
            Ok::<_, Failure>(Control::new(gateway, &settings, Some(opened)))
        };
        let control = system.block_on(opening)?;
        Ok(Direct { system, control })
    }

    /// The key as it is now, with its secret if it has a new one.
    fn change(&self, action: Action) -> Result<Value, Failure> {
        let asked = Asked {
            actor: Actor::at_terminal(stopped::user()),
            kind: Kind::Key,
            action,
        };
        let changed = self.system.block_on(self.control.change(asked))?;
        let Some(item) = &changed.item else {
            return Ok(Value::Null);
        };
        let mut key = shown(item, Some(changed.version));
        if let Some(secret) = &changed.secret {
            key["key"] = json!(secret.expose());
        }
        Ok(key)
    }
}

impl Backend for Direct {
    fn list(&self) -> Result<Vec<Value>, Failure> {
        let gateway = self.control.current.get();
        Ok(listed(&gateway, Kind::Key, None, usize::MAX)?.objects)
    }

    fn get(&self, id: &str) -> Result<Value, Failure> {
        Ok(object(&self.control.current.get(), Kind::Key, id)?.shown())
    }

    fn create(&self, request: &Value) -> Result<Value, Failure> {
        let document = request.clone();
        self.change(Action::Create { document })
    }

    fn patch(&self, id: &str, patch: &Value) -> Result<Value, Failure> {
        self.change(Action::Patch {
            id: id.to_owned(),
            patch: patch.clone(),
            expected: None,
        })
    }

    fn rotate(&self, id: &str, grace: Option<Duration>) -> Result<Value, Failure> {
        self.change(Action::Rotate {
            id: id.to_owned(),
            grace: grace.unwrap_or_default(),
            expected: None,
        })
    }

    fn delete(&self, id: &str) -> Result<(), Failure> {
        let id = id.to_owned();
        let expected = None;
        self.change(Action::Delete { id, expected }).map(drop)
    }
}
