//! A worker's memory of plans: requests alike in what they say of targets share one. Bound to one
//! policy and one set of settings: others need other `PlanCache`, or old verdicts would live on.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    ops::Deref,
    rc::Rc,
    sync::Arc,
};

use foldhash::quality::RandomState;
use serde_json::Value;

use super::{
    ByPath, Makers, Plan, Prefix, Verdict, Wanted,
    choose::{self, Chosen},
    order,
};
use crate::{
    directives::Provider,
    error::GatewayError,
    gateway::Known,
    guard::Policy,
    route::{config::Source, tree::TargetId},
};

/// Bounds of the number of plans and of their memory in bytes: callers must not grow it.
const MOST_KEPT: usize = 1024;
const MOST_BYTES: usize = 8 << 20;
/// A plan that holds more is made anew for each request: it would displace too many others.
const LARGEST: usize = MOST_BYTES / 8;

/// Makes plans and keeps them.
pub struct PlanCache {
    known: Arc<Known>,
    policy: Arc<Policy>,
    kept: RefCell<Kept>,
}

/// By everything a plan is made of. A custom host alone is its own key; other keys begin with a
/// byte that no host has. Two generations: what is not asked for while the young one fills is
/// forgotten with the old one.
#[derive(Default)]
struct Kept {
    young: Generation,
    old: Generation,
}

#[derive(Default)]
struct Generation {
    plans: HashMap<Arc<str>, Rc<Planned>, RandomState>,
    /// What the plans hold.
    bytes: usize,
}

/// A plan as it is kept, and beside it what is remembered for its targets.
pub struct Planned {
    plan: Plan,
    /// In the order of the plan's targets.
    verdicts: Box<[Verdict]>,
    order: OnceCell<Arc<Value>>,
}

impl Planned {
    fn new(plan: Plan) -> Self {
        let verdicts = plan.targets.iter().map(|_| Verdict::default()).collect();
        Planned {
            plan,
            verdicts,
            order: OnceCell::new(),
        }
    }

    /// Its groups, with targets by their place in the config.
    pub fn order(&self) -> Arc<Value> {
        let order = || Arc::new(order::order(&self.plan, 0));
        self.order.get_or_init(order).clone()
    }

    /// The guard's last verdict about a target's addresses.
    pub fn verdict(&self, id: TargetId) -> &Verdict {
        &self.verdicts[id]
    }
}

impl Deref for Planned {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        &self.plan
    }
}

/// What was found.
pub enum Found {
    Plan(Rc<Planned>),
    /// The request's config has to be read first.
    AsksConfig,
    /// The body's `model` has to be read first.
    AsksModel,
}

impl PlanCache {
    pub fn new(known: Arc<Known>, policy: Arc<Policy>) -> Self {
        PlanCache {
            known,
            policy,
            kept: RefCell::default(),
        }
    }

    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The plan for what these headers, and the prefix of the body's `model`, say. `config`: the
    /// headers' config, once it has been read.
    ///
    /// # Errors
    /// See [`choose::choose_by`]. Refusals are not cached.
    pub fn find(
        &self,
        wanted: Wanted<'_>,
        config: Option<&Source>,
        prefix: Prefix<'_>,
    ) -> Result<Found, GatewayError> {
        let composite;
        let key = match only_host(wanted) {
            Some(host) => host,
            None => {
                composite = key(wanted, prefix);
                &composite
            }
        };
        if let Some(plan) = self.recall(key) {
            return Ok(Found::Plan(plan));
        }
        if wanted.directives.config.is_some() && config.is_none() {
            return Ok(Found::AsksConfig);
        }
        let makers = Makers {
            known: &self.known,
            policy: &self.policy,
            default_config: wanted
                .default_config
                .or(self.known.default_config.as_deref()),
        };
        match choose::choose_by(wanted, config, prefix, makers)? {
            Chosen::AsksModel => Ok(Found::AsksModel),
            Chosen::Plan(plan) => {
                let plan = Rc::new(Planned::new(Plan {
                    text: key.into(),
                    ..plan
                }));
                self.kept.borrow_mut().put(&plan);
                Ok(Found::Plan(plan))
            }
        }
    }
}

impl PlanCache {
    fn recall(&self, key: &str) -> Option<Rc<Planned>> {
        if let Some(plan) = self.kept.borrow().young.plans.get(key) {
            return Some(plan.clone());
        }
        let kept = &mut *self.kept.borrow_mut();
        let plan = kept.old.plans.remove(key)?;
        kept.old.bytes -= plan.held_bytes();
        kept.put(&plan);
        Some(plan)
    }
}

impl Kept {
    fn put(&mut self, plan: &Rc<Planned>) {
        let bytes = plan.held_bytes();
        if bytes > LARGEST {
            return;
        }
        let young = &self.young;
        if young.plans.len() >= MOST_KEPT / 2 || young.bytes + bytes > MOST_BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.bytes += bytes;
        self.young.plans.insert(plan.text.clone(), plan.clone());
    }
}

/// The commonest request says nothing but a host.
fn only_host(wanted: Wanted<'_>) -> Option<&str> {
    let directives = wanted.directives;
    match (wanted.by_path, &directives.config, &directives.provider) {
        (ByPath::Nothing, None, None | Some(Provider::Passthrough)) => {
            directives.custom_host.as_deref()
        }
        _ => None,
    }
}

fn key(wanted: Wanted<'_>, prefix: Prefix<'_>) -> String {
    let directives = wanted.directives;
    let by_path = wanted.by_path.key();
    let (sign, provider) = match &directives.provider {
        None => ("", ""),
        Some(Provider::Passthrough) => ("=", "passthrough"),
        Some(Provider::Named(name)) => ("=", name.as_str()),
        Some(Provider::Settings(name)) => ("@", name.as_str()),
    };
    let (read, prefix) = match prefix {
        Prefix::Unread => ("?", ""),
        Prefix::Read(None) => ("-", ""),
        Prefix::Read(Some(name)) => ("@", name),
    };
    let host = directives.custom_host.as_deref().unwrap_or_default();
    let config = directives.config.as_deref().unwrap_or_default();
    let default = wanted.default_config.unwrap_or_default();
    [
        "\n", &by_path, "\n", sign, provider, "\n", host, "\n", read, prefix, "\n", default, "\n",
        config,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        config::{Environment, Flags, Settings},
        directives::Directives,
        guard::Preset,
    };

    fn plans() -> PlanCache {
        let nothing = (Environment::default(), Flags::default());
        let settings = Settings::parse("{}", Path::new("s"), &nothing.0, &nothing.1);
        let known = Known::of(&settings.expect("settings"));
        PlanCache::new(
            Arc::new(known),
            Arc::new(Policy::new(Preset::Dev, Vec::new())),
        )
    }

    fn find(plans: &PlanCache, config: String) -> Rc<Planned> {
        let entry = crate::route::config::parse(&config).expect("a config");
        let source = Source::Inline(Box::new(entry));
        let directives = Directives {
            config: Some(config),
            ..Directives::default()
        };
        let wanted = Wanted {
            by_path: ByPath::Nothing,
            directives: &directives,
            default_config: None,
        };
        match plans.find(wanted, Some(&source), Prefix::Read(None)) {
            Ok(Found::Plan(plan)) => plan,
            Ok(Found::AsksModel | Found::AsksConfig) => panic!("every target names its host"),
            Err(error) => panic!("{}", error.message),
        }
    }

    /// As many targets as a config may have, all of which inherit one large value.
    fn inherited(number: usize) -> String {
        let targets = vec![r#"{"custom_host":"http://a.example"}"#; 64].join(",");
        let value = "x".repeat(50_000);
        let params = format!(r#""override_params":{{"prompt":"{value}"}}"#);
        format!(r#"{{"name":"{number}",{params},"targets":[{targets}]}}"#)
    }

    /// Every target has a list of its own.
    fn merged(number: usize) -> String {
        let target = |at| {
            format!(
                r#"{{"custom_host":"http://a.example","override_params":{{"k{at}":{number}}}}}"#
            )
        };
        let targets: Vec<_> = (0..64).map(target).collect();
        let values: Vec<_> = (0..100).map(|at| format!(r#""outer{at}":1"#)).collect();
        let (values, targets) = (values.join(","), targets.join(","));
        format!(r#"{{"override_params":{{{values}}},"targets":[{targets}]}}"#)
    }

    #[test]
    fn a_value_that_targets_inherit_is_held_once() {
        let config = inherited(0);
        let plan = find(&plans(), config.clone());
        let held = plan.held_bytes();
        assert!(held > config.len(), "{held}");
        assert!(held < 4 * config.len(), "{held} for {}", config.len());
    }

    #[test]
    fn plans_kept_stay_within_their_bytes_and_are_counted_as_held() {
        let small = |number| format!(r#"{{"custom_host":"http://h{number}.example"}}"#);
        for (make, count) in [
            (inherited as fn(usize) -> String, 150),
            (merged, 50),
            (small, 1500),
        ] {
            let plans = plans();
            for number in 0..count {
                find(&plans, make(number));
                // Asked for again and again: it outlives those that are asked for once.
                find(
                    &plans,
                    r#"{"custom_host":"http://often.example"}"#.to_owned(),
                );
                let kept = plans.kept.borrow();
                let (young, old) = (&kept.young, &kept.old);
                assert!(young.bytes + old.bytes <= MOST_BYTES);
                assert!(young.plans.len() + old.plans.len() <= MOST_KEPT);
            }
            for generation in [&plans.kept.borrow().young, &plans.kept.borrow().old] {
                let held = generation.plans.values().map(|plan| plan.held_bytes());
                assert_eq!(held.sum::<usize>(), generation.bytes);
            }
            assert!(
                !plans.kept.borrow().old.plans.is_empty(),
                "the bound was met"
            );
            let often = "often.example";
            let kept = plans.kept.borrow();
            let mut texts = kept.young.plans.keys().chain(kept.old.plans.keys());
            assert!(texts.any(|text| text.contains(often)));
        }
    }
}
